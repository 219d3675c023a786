// Depth-first order without recursion: graphs may be chains of many thousand nodes.

/** All items below `roots`, each once, sources before users. */
export function postOrder<T>(roots: readonly T[], sources: (item: T) => readonly T[]): T[] {
  const order: T[] = []
  const seen = new Set<T>()
  const stack: { readonly item: T; readonly src: readonly T[]; next: number }[] = []
  const open = (item: T): void => {
    if (seen.has(item)) return
    seen.add(item)
    stack.push({ item, src: sources(item), next: 0 })
  }
  for (const root of roots) {
    open(root)
    while (stack.length) {
      const top = stack[stack.length - 1]!
      if (top.next < top.src.length) open(top.src[top.next++]!)
      else order.push(stack.pop()!.item)
    }
  }
  return order
}
