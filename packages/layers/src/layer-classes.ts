// Classes of layers by name, so that a config can be turned back into a layer.
import type { Layer, LayerConfig } from './layer.ts'

/** A class of layers with the constructor that all layers have. */
export type LayerClass<C extends object = never> = (new (config: C & LayerConfig) => Layer<C>) & {
  className?: string | undefined
}

const classes = new Map<string, LayerClass>()

/**
 * Makes a class of layers known by name: {@link layerFromConfig} can make it then.
 *
 * @param name default the class's `className`, else its name (give one when the program is minified)
 * @throws Error when another class has the name
 */
export function registerLayer<C extends object>(layerClass: LayerClass<C>, name?: string): void {
  const key = name ?? layerClass.className ?? layerClass.name
  const known = classes.get(key)
  if (known !== undefined && known !== (layerClass as unknown as LayerClass))
    throw new Error(
      `[registerLayer] another class is registered as '${key}'; give this one a name of its own`,
    )
  layerClass.className ??= key
  classes.set(key, layerClass as unknown as LayerClass)
}

/**
 * A new layer of a registered class. The layers of this library are registered by the root door.
 *
 * @throws Error when the class is not registered
 * @example
 * ```ts
 * import '@dl/backend-cpu'
 * import { layerFromConfig, layers } from '@dl/layers'
 * const layer = layers.dense({ units: 4, activation: 'relu' })
 * const copy = layerFromConfig(layer.className, layer.getConfig())
 * console.log(copy.className, copy.getConfig()) // Dense { units: 4, activation: 'relu', name: 'dense' }
 * ```
 */
export function layerFromConfig(className: string, config: object): Layer {
  const found = classes.get(className)
  if (!found)
    throw new Error(
      `[layerFromConfig] no class of layers is registered as '${className}'; known are ${[...classes.keys()].join(', ')}`,
    )
  return new (found as unknown as new (config: object) => Layer)(config)
}
