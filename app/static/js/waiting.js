// Helps on /unconfirmed: goes to the home page when the address is confirmed elsewhere, shows the
// state of the mail, and sends the code as soon as it is complete.

import { countdowns, localTimes } from './latchkey.js';

const FIRST_PAUSE = 2_000;
const LONGEST_PAUSE = 30_000;

const card = document.querySelector('[data-waiting]');
const { waiting: statusUrl, page: pageUrl, home: homeUrl } = card.dataset;

let pause = FIRST_PAUSE;
let timer;

/** Asks for the state of the mail; true when the browser leaves this page. */
async function isOver() {
  const answer = await fetch(statusUrl);
  if (!answer.ok) return false;
  const isStatus = answer.headers.get('Content-Type')?.startsWith('application/json');
  // The session has ended. A reload could send a form again.
  if (answer.redirected || !isStatus) return go(pageUrl);
  const { confirmed, mail, sent_on: sentOn } = await answer.json();
  if (confirmed) return go(homeUrl);
  const known = document.getElementById('waiting-mail').dataset.live;
  return [mail, sentOn].filter(Boolean).join(' ') !== known && refresh();
}

/** Replaces only the parts that have changed, because the code may be half typed. */
async function refresh() {
  const answer = await fetch(pageUrl);
  if (!answer.ok) return false;
  if (answer.redirected) return go(pageUrl);
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const part of card.querySelectorAll('[data-live]')) {
    const next = fresh.getElementById(part.id);
    if (!next || next.dataset.live === part.dataset.live) continue;
    const hadFocus = part.contains(document.activeElement);
    // Only the children, because screen readers read a live region only if the element stays.
    part.replaceChildren(...next.childNodes);
    part.dataset.live = next.dataset.live;
    localTimes(part);
    countdowns(part);
    if (hadFocus) document.getElementById('main').focus();
  }
  document.title = fresh.title;
  return false;
}

function go(url) {
  location.assign(url);
  return true;
}

async function look() {
  if (document.hidden) return; // goes on when the page is visible again
  // Errors are ignored: the browser may be offline, or the server restarts.
  if (await isOver().catch(() => false)) return;
  clearTimeout(timer);
  timer = setTimeout(look, pause);
  pause = Math.min(pause * 1.3, LONGEST_PAUSE);
}

function lookAtOnceWhenVisible() {
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    pause = FIRST_PAUSE;
    look();
  });
}

function submitCompleteCode() {
  const digits = (text) => text.normalize('NFKC').replace(/[\s-]/g, '');
  const refused = card.querySelector('[autocomplete=one-time-code][aria-invalid]');
  // Selected, so that the next code replaces it. The field may get the focus before or after this.
  if (refused === document.activeElement) refused?.select();
  refused?.addEventListener('focus', () => refused.select(), { once: true });
  card.addEventListener('input', ({ target }) => {
    if (target.autocomplete !== 'one-time-code') return;
    const code = digits(target.value);
    // The same code is not sent again by the script, because it would cost another try.
    if (/^\d{6}$/.test(code) && code !== digits(target.defaultValue)) target.form.requestSubmit();
  });
}

submitCompleteCode();
lookAtOnceWhenVisible();
timer = setTimeout(look, FIRST_PAUSE);
