// Comfort, not function: every page works without this file.
// Each behaviour binds itself to a data- attribute (or to every POST form, every <time>).

const all = (selector, root = document) => root.querySelectorAll(selector);

function passwordToggles() {
  for (const button of all('[data-toggle-password]')) {
    const input = document.getElementById(button.dataset.togglePassword);
    const show = (visible) => {
      input.type = visible ? 'text' : 'password';
      button.setAttribute('aria-pressed', String(visible));
    };
    button.hidden = false;
    button.addEventListener('click', () => show(input.type === 'password'));
    // Browsers remember what was typed into text fields; a password must not be among it.
    input.form.addEventListener('submit', () => show(false));
  }
}

function submitOnce() {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== 'post') return;
    if (form.dataset.busy) {
      event.preventDefault();
      return;
    }
    form.dataset.busy = 'true';
    // Disabled only after the browser has collected the form, the pressed button included.
    setTimeout(() => {
      for (const button of form.querySelectorAll('button[type=submit]')) {
        button.disabled = true;
        button.setAttribute('aria-busy', 'true');
      }
    });
  });
  // A page that comes back from the history comes back as it was left.
  window.addEventListener('pageshow', () => {
    for (const form of all('form[data-busy]')) delete form.dataset.busy;
    for (const button of all('button[aria-busy]')) {
      button.removeAttribute('aria-busy');
      button.disabled = false;
    }
  });
}

export function countdowns(root) {
  for (const button of all('[data-countdown]', root)) {
    const label = button.textContent;
    const end = Date.now() + Number(button.dataset.countdown) * 1000;
    const tick = () => {
      const left = Math.ceil((end - Date.now()) / 1000);
      button.disabled = left > 0;
      if (left <= 0) {
        button.textContent = label;
        return;
      }
      const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`;
      button.textContent = `${label} in ${clock}`;
      setTimeout(tick, 250);
    };
    tick();
  }
}

export function localTimes(root) {
  const short = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
  const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' });
  for (const time of all('time[datetime]', root)) {
    const date = new Date(time.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    const today = date.toDateString() === new Date().toDateString();
    time.textContent = ('clock' in time.dataset && today ? clock : short).format(date);
    time.title = full.format(date);
  }
}

function autoSubmit() {
  const form = document.querySelector('form[data-auto-submit]');
  // Whoever comes back by the history wants to look, not to act.
  const [navigation] = performance.getEntriesByType('navigation');
  if (!form || navigation?.type === 'back_forward') return;
  const press = () => form.requestSubmit();
  if (document.prerendering) document.addEventListener('prerenderingchange', press, { once: true });
  else press();
}

// Where a page is a stranger's, the session of this browser is over: what other tabs still show of
// somebody goes with it (ASVS 14.3.1). They ask the server what there is to see now.
function endTogether() {
  const viewer = document.querySelector('[data-viewer]')?.dataset.viewer;
  if (!viewer || !('BroadcastChannel' in window)) return;
  const tabs = new BroadcastChannel('session');
  if (viewer === 'stranger') tabs.postMessage('over');
  else tabs.onmessage = () => location.assign(location.pathname + location.search);
}

passwordToggles();
submitOnce();
countdowns();
localTimes();
autoSubmit();
endTogether();
