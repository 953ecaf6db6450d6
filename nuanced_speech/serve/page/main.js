// Puts the page together.

import { setUpAnswer } from './answer.js';
import { loadSettings, loadVoices } from './catalogue.js';
import { setUpConvert } from './convert.js';
import { byId, make, sentence } from './dom.js';
import { setUpLive } from './live.js';
import { setUpClone, setUpDescribe, setUpMix } from './making.js';
import { voicePicker } from './picker.js';
import { setUpSay } from './say.js';
import { setUpTabs } from './tabs.js';

for (const list of document.querySelectorAll('[role=tablist]')) setUpTabs(list);
// a file that misses its field must not replace the page
for (const name of ['dragover', 'drop']) addEventListener(name, (event) => event.preventDefault());

try {
  await loadSettings();
  await loadVoices();
  setUpConvert();
  voicePicker(byId('browse-picker'), 'Voices', { deletable: true, wide: true });
  setUpClone();
  setUpDescribe();
  setUpMix();
  setUpSay();
  setUpLive();
  setUpAnswer();
  document.body.dataset.ready = 'true';
} catch (error) {
  const again = make('button', { onclick: () => location.reload() }, 'Try again');
  byId('main').prepend(make('div', { class: 'card' }, make('p', { class: 'error', role: 'alert' }, sentence(error.message)), again));
}
