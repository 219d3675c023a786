// The page without a network: at the first visit all its files are kept (the build lists them in files.json) and served from the
// browser's cache when the server is out of reach.
const CACHE = 'digits'

async function keepAll() {
  const files = await (await fetch('./files.json')).json()
  const cache = await caches.open(CACHE)
  await cache.addAll(files)
  await self.skipWaiting()
}

/** The page itself comes from the server while there is one; its parts, whose names change with their contents, from the cache. */
async function answer(request) {
  const cache = await caches.open(CACHE)
  const kept = await cache.match(request, { ignoreSearch: true, ignoreVary: true })
  if (kept && request.mode !== 'navigate') return kept
  try {
    return await fetch(request)
  } catch (error) {
    if (kept) return kept
    throw error
  }
}

self.addEventListener('install', (event) => event.waitUntil(keepAll()))
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))
self.addEventListener('fetch', (event) => {
  const { request } = event
  if (request.method === 'GET' && new URL(request.url).origin === self.location.origin)
    event.respondWith(answer(request))
})
