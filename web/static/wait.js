// Follows a signed transaction until its receipt is there, and says so meanwhile.
const box = document.getElementById("wait");
const state = document.getElementById("wait-state");
const began = Date.now();

async function look() {
  try {
    const answer = await fetch(box.dataset.poll, { headers: { accept: "application/json" } });
    const said = await answer.json();
    if (said.state === "done") {
      state.textContent = "on record at height " + said.height;
      return location.replace(box.dataset.next);
    }
    if (said.state === "refused") return location.reload();
  } catch {
    state.textContent = "no answer from the server; trying again";
  }
  const seconds = Math.round((Date.now() - began) / 1000);
  if (seconds > 2) state.textContent = "waits for the next record, " + seconds + " s so far";
  setTimeout(look, seconds < 10 ? 400 : 1500);
}

if (box) setTimeout(look, 250);
