// Keeps a page up to date that waits for what others do: fetches it again every few seconds and, when its content has
// changed, puts the new content in place. Whoever is typing or choosing is left alone.
const main = document.getElementById("main");

function busy() {
  const focused = document.activeElement;
  return document.hidden || (main.contains(focused) && focused.matches("input, select, textarea, summary"));
}

async function look() {
  if (!busy()) {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const page = answer.ok && !answer.redirected && new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page && page.getElementById("main");
      if (fresh && fresh.innerHTML !== main.innerHTML && !busy()) {
        const place = main.contains(document.activeElement) && document.activeElement.getAttribute("href");
        main.replaceChildren(...fresh.childNodes);
        document.title = page.title;
        if (place) main.querySelector(`a[href="${CSS.escape(place)}"]`)?.focus({ preventScroll: true });
        if (fresh.dataset.follow) main.dataset.follow = fresh.dataset.follow;
        else delete main.dataset.follow;
      }
    } catch {
      // No answer this time; the next one will do.
    }
  }
  if (main.dataset.follow) setTimeout(look, 1000 * Number(main.dataset.follow));
}

if (main.dataset.follow) setTimeout(look, 1000 * Number(main.dataset.follow));
