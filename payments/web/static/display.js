// The citizen's display: a sound when money has come, once the clerk turned it on; full screen.
"use strict";
{
  const $ = (id) => document.getElementById(id), state = $("state"), sound = $("sound"), whole = $("whole");
  const chime = () => state.firstElementChild.dataset.chime;
  let voice, heard = chime();

  const tone = (pitch, after) => {
    const start = voice.currentTime + after, note = voice.createOscillator(), loud = voice.createGain();
    note.frequency.value = pitch;
    loud.gain.setValueAtTime(0.3, start);
    loud.gain.exponentialRampToValueAtTime(0.001, start + 0.7);
    note.connect(loud).connect(voice.destination);
    note.start(start);
    note.stop(start + 0.7);
  };
  const ring = () => { tone(880, 0); tone(1319, 0.18); };

  // A browser makes no sound before somebody pressed something: the first press also lets it be heard.
  sound.hidden = false;
  sound.onclick = async () => {
    voice = voice || new AudioContext();
    await voice.resume();
    sound.setAttribute("aria-pressed", "true");
    sound.textContent = sound.dataset.on;
    ring();
  };
  whole.hidden = !document.fullscreenEnabled;
  whole.onclick = () => document.documentElement.requestFullscreen();

  new MutationObserver(() => {
    const now = chime();
    if (now && now !== heard && voice) ring();
    heard = now;
  }).observe(state, { childList: true });
}
