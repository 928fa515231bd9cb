// Makes pages more comfortable; every page works without this script.
// Each function looks for a data- attribute, for POST forms, or for <time>.

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
    // Browsers remember the contents of text fields, and must not remember a password.
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
    // Disabled after the browser has collected the form, because a disabled button is not sent.
    setTimeout(() => {
      for (const button of form.querySelectorAll('button[type=submit]')) {
        button.disabled = true;
        button.setAttribute('aria-busy', 'true');
      }
      // The answer is a download, so this page stays.
      if ('stays' in form.dataset) setTimeout(enableAgain, 2000);
    });
  });
  // A page from the history still has its disabled buttons.
  window.addEventListener('pageshow', enableAgain);
}

function enableAgain() {
  for (const form of all('form[data-busy]')) delete form.dataset.busy;
  for (const button of all('button[aria-busy]')) {
    button.removeAttribute('aria-busy');
    button.disabled = false;
  }
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
  // A person who comes back through the history wants to look, not to act.
  const [navigation] = performance.getEntriesByType('navigation');
  if (!form || navigation?.type === 'back_forward') return;
  const press = () => form.requestSubmit();
  if (document.prerendering) document.addEventListener('prerenderingchange', press, { once: true });
  else press();
}

// A page for a stranger means that the session of this browser is over. Then other tabs must not go on
// showing somebody's data (ASVS 14.3.1), so they load their page again.
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
