'use strict'

/**
 * The addon: `build/ane.node`, or the file ANE_ADDON names. Throws an Error with `code` ADDON_NOT_FOUND when there is no
 * such file and ADDON_INCOMPATIBLE when it does not load; @ane/runtime turns both into a diagnosis. `simulatorPath` is
 * where the build puts the simulator of the Neural Engine.
 */
const { existsSync } = require('node:fs')
const path = require('node:path')

const addonPath = process.env.ANE_ADDON
  ? path.resolve(process.env.ANE_ADDON)
  : path.join(__dirname, 'build', 'ane.node')

const simulatorPath = path.join(__dirname, 'build', `libane_sim.${process.platform === 'darwin' ? 'dylib' : 'so'}`)

const fail = (code, message, cause) => Object.assign(new Error(message, { cause }), { code, addonPath })

const load = () => {
  if (!existsSync(addonPath)) throw fail('ADDON_NOT_FOUND', `Expected the native addon at ${addonPath}, found nothing.`)
  try {
    return require(addonPath)
  } catch (cause) {
    throw fail('ADDON_INCOMPATIBLE', `The native addon at ${addonPath} does not load: ${cause.message}`, cause)
  }
}

module.exports = Object.assign(load(), { addonPath, simulatorPath })
