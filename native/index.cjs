'use strict'

/**
 * The addon: the file ANE_ADDON names, otherwise `build/ane.node`, otherwise the one released for this system. Throws an
 * Error with `code` ADDON_NOT_FOUND when there is none and ADDON_INCOMPATIBLE when it does not load; @ane/runtime turns
 * both into a diagnosis. `simulatorPath` is the simulator of the Neural Engine, found likewise.
 */
const { existsSync } = require('node:fs')
const path = require('node:path')

const prebuilds = path.join(__dirname, 'prebuilds', `${process.platform}-${process.arch}`)

/** A released file where nothing was built here; the built one's path where there is neither. */
const find = (name) => {
  const [built, released] = [path.join(__dirname, 'build', name), path.join(prebuilds, name)]
  return !existsSync(built) && existsSync(released) ? released : built
}

const addonPath = process.env.ANE_ADDON ? path.resolve(process.env.ANE_ADDON) : find('ane.node')

const simulatorPath = find(`libane_sim.${process.platform === 'darwin' ? 'dylib' : 'so'}`)

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
