// Copies, downloads and prints the recovery codes. They are on the page without this script.

const list = document.querySelector('[data-codes]');
const tools = document.querySelector('[data-code-tools]');
const done = tools.querySelector('[data-done]');

const codes = [...list.querySelectorAll('[data-code]')].map((code) => code.textContent);
const text = [list.dataset.codes, '', ...codes, ''].join('\n');

function download(name) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
  done.textContent = 'The codes are in your downloads.';
}

async function copy() {
  try {
    await navigator.clipboard.writeText(text);
    done.textContent = 'The codes are copied.';
  } catch {
    getSelection().selectAllChildren(list);
    done.textContent = 'The codes are selected. Copy them with your keyboard.';
  }
}

tools.querySelector('[data-copy]').addEventListener('click', copy);
const button = tools.querySelector('[data-download]');
button.addEventListener('click', () => download(button.dataset.download));
tools.querySelector('[data-print]').addEventListener('click', () => print());
tools.hidden = false;
