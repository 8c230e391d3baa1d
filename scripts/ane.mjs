// `pnpm ane …`: builds what changed, then runs the command where the user stands.
import { build, root } from './build-quietly.mjs'

const DEVICE_OR_INSTALL_PROBLEM = 3

if ((await build(['@ane/cli'])) !== 0) process.exit(DEVICE_OR_INSTALL_PROBLEM)
process.chdir(process.env.INIT_CWD ?? process.cwd())
await import(`${root}apps/cli/dist/main.js`)
