// The Vulkan driver under Dawn: one that was named, the system's, else SwiftShader, which Debian's Chromium brings along.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const SYSTEM = '/usr/share/vulkan/icd.d'
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json'
const LOADERS = [
  '/usr/lib/x86_64-linux-gnu/libvulkan.so.1',
  '/usr/lib/aarch64-linux-gnu/libvulkan.so.1',
  '/usr/lib64/libvulkan.so.1',
]

/** The description file of the driver, or undefined where there is none. Sets `VK_ICD_FILENAMES` when it must. */
export function vulkanDriver(): string | undefined {
  if (!LOADERS.some(existsSync)) return undefined
  const named = process.env['VK_ICD_FILENAMES']?.split(':').find(existsSync)
  if (named !== undefined) return named
  const own = existsSync(SYSTEM) ? readdirSync(SYSTEM).find((name) => name.endsWith('.json')) : undefined
  if (own !== undefined) return join(SYSTEM, own)
  if (!existsSync(SWIFTSHADER)) return undefined
  process.env['VK_ICD_FILENAMES'] = SWIFTSHADER
  return SWIFTSHADER
}
