// Helps on the form to sign up: asks the server about the address while it is typed, and offers a
// better spelling. The form works without this script.

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
  // For the same address the button is not replaced, because it may be about to get the focus.
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
    // Not while it is typed, because half a domain never has a mail server.
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
if (input.value) askQuietly(); // the form came back to be corrected
