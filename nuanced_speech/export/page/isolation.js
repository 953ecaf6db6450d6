// A service worker that adds the headers of isolation, which browsers want for threads, where a server sends none.

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => {
  const { mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  const own = /^(index(\.html)?)?$/.test(pathname.slice(new URL(self.registration.scope).pathname.length));
  // other pages below this folder stay as they are
  if (origin === self.location.origin && (mode !== 'navigate' || own)) event.respondWith(isolated(event.request));
});

/** The server's answer, with the headers that a page with shared memory needs. */
async function isolated(request) {
  const answer = await fetch(request);
  if (answer.status === 0) return answer;
  const headers = new Headers(answer.headers);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  return new Response(answer.body, { status: answer.status, statusText: answer.statusText, headers });
}
