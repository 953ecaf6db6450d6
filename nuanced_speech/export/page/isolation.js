// Several threads for pages from servers that send no headers of isolation: a service worker adds them.

if (typeof window === 'undefined') {
  self.addEventListener('install', () => self.skipWaiting());
  self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
  self.addEventListener('fetch', (event) => {
    if (new URL(event.request.url).origin === self.location.origin) event.respondWith(isolated(event.request));
  });
}

/** The server's answer, with the headers that a page with shared memory needs. */
async function isolated(request) {
  const answer = await fetch(request);
  if (answer.status === 0) return answer;
  const headers = new Headers(answer.headers);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  return new Response(answer.body, { status: answer.status, statusText: answer.statusText, headers });
}
