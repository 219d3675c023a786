// Files, in Node only: found at run time, so that bundles for browsers need no replacement for node:fs.
interface FileSystem {
  readFile(path: string): Promise<Uint8Array>
  writeFile(path: string, data: Uint8Array): Promise<void>
  rename(from: string, to: string): Promise<void>
}
interface NodeProcess {
  readonly getBuiltinModule?: (name: string) => unknown
}

function fileSystem(op: string): FileSystem {
  const node = (globalThis as { process?: NodeProcess }).process
  const fs = node?.getBuiltinModule?.('node:fs/promises') as FileSystem | undefined
  if (!fs)
    throw new Error(
      `[${op}] files can be used in Node only; take the bytes instead: weightsToSafetensors, loadSafetensors`,
    )
  return fs
}

export const readFile = (op: string, path: string): Promise<Uint8Array> => fileSystem(op).readFile(path)

/** Writes beside the file first and renames, so that a crash leaves the old file whole. */
export async function writeFile(op: string, path: string, data: Uint8Array): Promise<void> {
  const fs = fileSystem(op)
  const temporary = `${path}.partial`
  await fs.writeFile(temporary, data)
  await fs.rename(temporary, path)
}
