// Small helpers for elements, messages and times.

export const byId = (id) => document.getElementById(id);

/** An element with properties (`class`, `on…`, attributes) and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'class') element.className = value;
    else if (name === 'value') element.value = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** An element of SVG. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function icon(name) {
  return svg('svg', { class: 'icon', 'aria-hidden': 'true' }, svg('use', { href: `#i-${name}` }));
}

let numbers = 0;
export const newId = (name) => `${name}-${(numbers += 1)}`;

/** A sentence for a place where errors are shown; empties it if there is none. */
export function showError(place, message = '') {
  place.textContent = sentence(message);
  const described = place.id && document.querySelector(`[aria-describedby~="${place.id}"]`);
  if (described) described.toggleAttribute('aria-invalid', Boolean(message));
  if (described && message) described.setAttribute('aria-invalid', 'true');
}

/** A server's message as a sentence, without the field's name in front. */
export function sentence(message) {
  const text = message.replace(/^[a-z_.]+: /, '').trim();
  if (!text) return '';
  const capital = text[0].toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

export function clock(seconds) {
  const whole = Math.max(0, seconds);
  return `${Math.floor(whole / 60)}:${(whole % 60).toFixed(1).padStart(4, '0')}`;
}

/** Show that something runs, with the seconds since it began; returns a function that ends it. */
export function working(place, text) {
  const [bar, status] = [place.querySelector('progress'), place.querySelector('[role=status]')];
  const began = performance.now();
  let shown = text;
  place.hidden = false;
  bar.removeAttribute('value');
  status.textContent = shown;
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - began) / 1000);
    place.dataset.seconds = seconds > 1 ? `${seconds} s` : '';
  }, 500);
  return {
    tell(next, share) {
      if (next !== shown) status.textContent = shown = next;
      if (share === undefined) bar.removeAttribute('value');
      else bar.value = Math.round(share * 100);
    },
    end() {
      clearInterval(timer);
      place.dataset.seconds = '';
      place.hidden = true;
    },
  };
}

/** Have the browser save a blob as a file. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = make('a', { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
