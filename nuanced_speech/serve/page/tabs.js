// Tabs: one panel of several is shown; arrow keys move between them.

export function setUpTabs(list) {
  const tabs = [...list.querySelectorAll('[role=tab]')];
  const named = list.dataset.tabs === 'hash';

  function choose(tab, focus = false) {
    for (const other of tabs) {
      const chosen = other === tab;
      other.setAttribute('aria-selected', String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      document.getElementById(other.getAttribute('aria-controls')).hidden = !chosen;
    }
    if (focus) tab.focus();
    if (named) history.replaceState(null, '', `#${tab.getAttribute('aria-controls')}`);
  }

  list.addEventListener('click', (event) => {
    const tab = event.target.closest('[role=tab]');
    if (tab) choose(tab);
  });
  list.addEventListener('keydown', (event) => {
    const at = tabs.indexOf(document.activeElement);
    const last = tabs.length - 1;
    const next = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last };
    if (at < 0 || next[event.key] === undefined) return;
    event.preventDefault();
    choose(tabs[next[event.key]], true);
  });

  function fromAddress() {
    const tab = tabs.find((item) => `#${item.getAttribute('aria-controls')}` === location.hash);
    if (tab) choose(tab);
  }
  if (named) {
    fromAddress();
    addEventListener('hashchange', fromAddress);
  }
}
