// Comfort on the form to sign up: asks about the address while it is typed, and offers a likelier
// spelling. Advice only: whatever goes wrong here, the form works.

const PAUSE = 400;

const place = document.querySelector('[data-advice]');
const input = document.getElementById(place.dataset.for);

let timer;
let request;
let known = { email: '' };

async function ask() {
  clearTimeout(timer);
  request?.abort();
  const email = input.value.trim();
  // The same button stays where it is: the focus may be on its way to it.
  if (email !== known.email) known = { email, ...(await answerTo(email)) };
  show(known);
}

async function answerTo(email) {
  if (!/.@.+\../.test(email)) return {};
  request = new AbortController();
  const body = new URLSearchParams({ email, csrf_token: input.form.elements.csrf_token.value });
  const response = await fetch(place.dataset.advice, { method: 'POST', body, signal: request.signal });
  return response.ok ? response.json() : {};
}

function show({ email, suggestion, undeliverable }) {
  if (email !== input.value.trim()) return;
  if (suggestion) {
    if (!place.querySelector('button')) place.replaceChildren('Did you mean ', offer(suggestion), '?');
  } else if (undeliverable && document.activeElement !== input) {
    // Not while it is typed: of half a domain this is always true.
    const domain = email.slice(email.lastIndexOf('@') + 1);
    place.textContent = `We found no mail server for ${domain}. Is the spelling right?`;
  }
}

function offer(suggestion) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = suggestion;
  button.addEventListener('click', () => {
    input.value = suggestion;
    known = { email: suggestion };
    place.replaceChildren();
    input.focus();
  });
  return button;
}

const askQuietly = () => ask().catch(() => {});

input.addEventListener('input', () => {
  place.replaceChildren();
  clearTimeout(timer);
  timer = setTimeout(askQuietly, PAUSE);
});
input.addEventListener('blur', askQuietly);
if (input.value) askQuietly(); // it came back to be mended
