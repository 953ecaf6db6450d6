// What the server knows: limits, attributes, voices; and samples of voices.

import { getJson, request } from './api.js';
import { icon, make, sentence } from './dom.js';

export const known = { settings: null, voices: [], map: null };
const changed = new EventTarget();

export async function loadSettings() {
  known.settings = await getJson('/page/settings');
}

export async function loadVoices() {
  Object.assign(known, await getJson('/page/voices'));
  changed.dispatchEvent(new Event('change'));
}

export const onVoices = (listener) => changed.addEventListener('change', listener);

export const languageName = (code) => known.settings?.languages.find((item) => item.code === code)?.name ?? code;

const SEXES = { f: 'female', m: 'male' };
const KINDS = { clone: 'cloned', described: 'described', mix: 'mixed', own: 'from your folder' };

/** A line about a voice: language, sex, unusual attributes. */
export function aboutVoice(voice) {
  const language = voice.language === 'en' ? 'English' : languageName(voice.language);
  return [KINDS[voice.kind], language, SEXES[voice.sex], voice.words].filter(Boolean).join(' · ');
}

const audio = new Audio();
const urls = new Map();
let playing = null;

audio.addEventListener('ended', () => rest());

function rest() {
  audio.pause();
  if (playing) {
    playing.replaceChildren(icon('play'));
    playing.setAttribute('aria-pressed', 'false');
  }
  playing = null;
}

/** A button that plays a sample of a voice.
 * @param {() => string} voice gives a name, an id or a mix.
 * @param {string} name is read aloud.
 * @param {(message) => void} fail shows a sentence. */
export function sampleButton(voice, name, fail) {
  const button = make('button', { type: 'button', class: 'round small', 'aria-label': `Hear ${name}`, 'aria-pressed': 'false' }, icon('play'));
  button.addEventListener('click', async (event) => {
    event.preventDefault();
    if (playing === button) return rest();
    rest();
    fail('');
    const wanted = voice();
    button.classList.add('busy');
    button.setAttribute('aria-busy', 'true');
    try {
      if (!urls.has(wanted)) {
        const response = await request(`/page/sample?voice=${encodeURIComponent(wanted)}`);
        urls.set(wanted, URL.createObjectURL(await response.blob()));
      }
      rest();
      playing = button;
      button.replaceChildren(icon('stop'));
      button.setAttribute('aria-pressed', 'true');
      audio.src = urls.get(wanted);
      await audio.play();
    } catch (error) {
      if (error.name !== 'AbortError') fail(sentence(error.message));
      rest();
    } finally {
      button.classList.remove('busy');
      button.removeAttribute('aria-busy');
    }
    return undefined;
  });
  return button;
}
