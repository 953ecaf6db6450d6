// Requests to this page's own server.

import { byId } from './dom.js';

const TOKEN = 'nuanced-speech-token';

/** A refusal: a sentence, and the name of the field that it is about. */
export class Refusal extends Error {
  constructor(message, param = null, status = 0) {
    super(message);
    this.param = param;
    this.status = status;
  }
}

/** The secret that the server wants, if it wants one and it was given. */
export const token = () => sessionStorage.getItem(TOKEN);

/** Send a request; the token is asked for where the server wants one.
 * @throws {Refusal} the server refuses, or cannot be reached. */
export async function request(path, options = {}) {
  const key = token();
  const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refusal('the server cannot be reached: is it still running?');
  }
  if (response.ok) return response;
  if (response.status === 401 && (await askForToken())) return request(path, options);
  throw await refusalOf(response);
}

export const getJson = async (path) => (await request(path)).json();

export async function postJson(path, body, options = {}) {
  const headers = { 'Content-Type': 'application/json' };
  return request(path, { method: 'POST', body: JSON.stringify(body), headers, ...options });
}

/** A form with files and texts; values that are missing are left out. */
export function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || value === undefined || value === '') continue;
    if (value instanceof Blob) form.append(name, value, value.name || 'recording');
    else form.append(name, String(value));
  }
  return form;
}

/** Objects of an answer in JSON lines, or of one with server-sent events, as they come. */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    const lines = (rest + (value ?? '')).split('\n');
    rest = done ? '' : lines.pop();
    for (const line of lines) {
      const text = line.startsWith('data:') ? line.slice(5) : line;
      if (text.trim()) yield JSON.parse(text);
    }
    if (done) return;
  }
}

export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

export function refusalIn(body, status) {
  const error = body?.error ?? {};
  return new Refusal(error.message ?? `the server answers with status ${status}`, error.param, status);
}

async function refusalOf(response) {
  let body = null;
  try {
    body = await response.json();
  } catch {
    // no JSON: the status says it
  }
  return refusalIn(body, response.status);
}

let asking = null;

function askForToken() {
  asking ??= new Promise((resolve) => {
    const dialog = byId('token-dialog');
    dialog.returnValue = '';
    dialog.addEventListener(
      'close',
      () => {
        asking = null;
        if (dialog.returnValue === 'ok') sessionStorage.setItem(TOKEN, byId('token').value.trim());
        resolve(dialog.returnValue === 'ok');
      },
      { once: true },
    );
    dialog.showModal();
  });
  return asking;
}
