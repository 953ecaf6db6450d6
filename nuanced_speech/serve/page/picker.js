// A list of voices with filters and a map, of which one is chosen.

import { request } from './api.js';
import { aboutVoice, known, languageName, loadVoices, onVoices, sampleButton } from './catalogue.js';
import { icon, make, newId, showError, svg } from './dom.js';

/**
 * Fill an element with the list.
 * @param {HTMLElement} host is filled.
 * @param {string} name of the choice, for screen readers.
 * @param {{chosen?: string, deletable?: boolean, wide?: boolean}} options `deletable` shows buttons that delete voices.
 * @returns an object with the `voice` that is chosen.
 */
export function voicePicker(host, name, options = {}) {
  const group = newId('voice');
  const picker = { voice: options.chosen ?? 'af_heart', fail: (message) => showError(error, message) };
  const error = make('p', { class: 'error', role: 'alert' });
  const search = make('input', { type: 'search', placeholder: 'Search', 'aria-label': `${name}: search`, autocomplete: 'off' });
  const language = make('select', { 'aria-label': `${name}: language` });
  const sex = make('select', { 'aria-label': `${name}: sex` }, ...[['', 'any sex'], ['f', 'female'], ['m', 'male']].map(([value, text]) => make('option', { value }, text)));
  const view = make('fieldset', { class: 'segments' }, make('legend', { class: 'hidden' }, `${name}: view`),
    ...['List', 'Map'].map((text, k) => make('label', {}, make('input', { type: 'radio', name: `${group}-view`, checked: k === 0, onchange: () => showView(text === 'Map') }), make('span', {}, text))));
  const count = make('p', { class: 'note', role: 'status' });
  const list = make('ul', { class: `voices${options.wide ? ' tall' : ''}` });
  const map = make('div', { class: 'map', hidden: true });
  host.classList.add('picker');
  host.replaceChildren(make('div', { class: 'filters' }, search, language, sex, view), count, list, map, error);

  function showView(asMap) {
    list.hidden = asMap;
    map.hidden = !asMap;
  }

  const fitting = () => known.voices.filter((voice) => {
    const text = `${voice.id} ${voice.name} ${aboutVoice(voice)}`.toLowerCase();
    return search.value.toLowerCase().split(/\s+/).every((word) => text.includes(word))
      && (!language.value || voice.language === language.value || (language.value.startsWith('en') && voice.language === 'en'))
      && (!sex.value || voice.sex === sex.value);
  });

  function choose(id) {
    picker.voice = id;
    for (const input of list.querySelectorAll('input')) input.checked = input.value === id;
    for (const point of map.querySelectorAll('.point')) point.classList.toggle('chosen', point.dataset.id === id);
    const voice = known.voices.find((item) => item.id === id);
    const place = map.querySelector('.details');
    if (voice && place) {
      place.replaceChildren(sampleButton(() => id, voice.name, picker.fail), make('span', {}, make('strong', {}, voice.name), ` ${aboutVoice(voice)}`));
    }
  }

  function row(voice) {
    const input = make('input', { type: 'radio', name: group, value: voice.id, checked: voice.id === picker.voice, onchange: () => choose(voice.id) });
    const text = make('span', { class: 'who' }, make('strong', {}, voice.name), make('span', { class: 'note' }, aboutVoice(voice)));
    const buttons = [sampleButton(() => voice.id, voice.name, picker.fail)];
    if (options.deletable && voice.deletable) buttons.push(deleteButton(voice));
    return make('li', {}, make('label', {}, input, text), ...buttons);
  }

  function deleteButton(voice) {
    let sure = false;
    const button = make('button', { type: 'button', class: 'quiet', 'aria-label': `Delete ${voice.name}` }, icon('bin'));
    button.addEventListener('blur', () => { sure = false; button.replaceChildren(icon('bin')); });
    button.addEventListener('click', async () => {
      if (!sure) {
        sure = true;
        button.replaceChildren('Delete?');
        return;
      }
      try {
        await request(`/v1/audio/voices/${voice.id}`, { method: 'DELETE' });
        await loadVoices();
      } catch (problem) {
        picker.fail(problem.message);
      }
    });
    return button;
  }

  function show() {
    const voices = fitting();
    if (!known.voices.some((voice) => voice.id === picker.voice)) picker.voice = 'af_heart';
    list.replaceChildren(...voices.map(row));
    count.textContent = voices.length === known.voices.length ? `${voices.length} voices` : `${voices.length} of ${known.voices.length} voices`;
    drawMap(map, new Set(voices.map((voice) => voice.id)), choose);
    choose(picker.voice);
  }

  function refresh() {
    const codes = [...new Set(known.voices.map((voice) => voice.language).filter((code) => code && code !== 'en'))];
    const before = language.value;
    language.replaceChildren(make('option', { value: '' }, 'any language'), ...codes.map((code) => make('option', { value: code }, languageName(code))));
    language.value = codes.includes(before) ? before : '';
    show();
  }

  for (const filter of [search, language, sex]) filter.addEventListener('input', show);
  onVoices(refresh);
  if (known.voices.length) refresh();
  return picker;
}

/** The name beside a point of the map, on the side where there is room. */
function label({ x, y, label: [across, down] }, name) {
  const fits = x + 22 + 11 * name.length < known.map.width;
  const side = !fits ? 'middle' : across > x + 8 ? 'right' : across < x - 8 ? 'left' : 'middle';
  const away = { right: 22, left: -22, middle: 0 }[side];
  return svg('text', { x: x + away, y: side === 'middle' ? y + (down > y ? 30 : -30) : down, class: side }, name);
}

/** The stock voices by how they sound; arrow keys move between those that the filters let through. */
function drawMap(host, shown, choose) {
  const { points, width, height, across, up } = known.map;
  const picture = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': 'Map of the stock voices: voices that sound alike lie close together' });
  picture.append(svg('text', { x: width - 20, y: height - 16, class: 'axis end' }, across));
  picture.append(svg('text', { x: 30, y: 24, class: 'axis end', transform: 'rotate(-90 30 24)' }, up));
  const items = points.filter((point) => shown.has(point.id)).sort((a, b) => a.x - b.x);
  items.forEach((point, k) => {
    const voice = known.voices.find((item) => item.id === point.id);
    const group = svg('g', { class: `point ${point.kind}`, 'data-id': point.id, role: 'button', tabindex: k ? -1 : 0, 'aria-label': `${voice.name}, ${aboutVoice(voice)}` });
    group.append(svg('circle', { cx: point.x, cy: point.y, r: 26, class: 'reach' }), svg('circle', { cx: point.x, cy: point.y, r: 12 }),
      label(point, voice.name));
    const take = (event) => {
      event.preventDefault();
      choose(point.id);
    };
    group.addEventListener('click', take);
    group.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' || event.key === ' ') take(event);
      const next = { ArrowRight: k + 1, ArrowLeft: k - 1, Home: 0, End: items.length - 1 }[event.key];
      const other = picture.querySelectorAll('.point')[next];
      if (!other) return;
      event.preventDefault();
      group.setAttribute('tabindex', '-1');
      other.setAttribute('tabindex', '0');
      other.focus();
    });
    picture.append(group);
  });
  const legend = make('p', { class: 'legend' }, make('span', { class: 'key f' }, 'female'), make('span', { class: 'key m' }, 'male'));
  host.replaceChildren(picture, legend, make('p', { class: 'details', 'aria-live': 'polite' }));
}
