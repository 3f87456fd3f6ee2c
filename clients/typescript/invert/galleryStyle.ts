/** The gallery's looks: light and dark, one column on a phone, no script. */
export const GALLERY_STYLE = `
:root { color-scheme: light dark; --page: #f4f4f1; --card: #fff; --text: #1c1d1f; --quiet: #63666b; --line: #dcdcd6;
  --good: #1b7f4b; --bad: #b3261e; --open: #8a6100; }
@media (prefers-color-scheme: dark) { :root { --page: #131416; --card: #1d1f22; --text: #ececea; --quiet: #a2a5aa;
  --line: #33363b; --good: #58c08b; --bad: #ff8a80; --open: #e0b04c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1440px; padding: 2.5rem clamp(1rem, 4vw, 3rem) 4rem; background: var(--page);
  color: var(--text); font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: .5rem 2rem;
  margin-bottom: 2rem; }
h1 { margin: 0; font-size: clamp(1.6rem, 4vw, 2.2rem); letter-spacing: -.02em; }
header p { margin: 0; color: var(--quiet); }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 34rem), 1fr)); gap: 1.5rem; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 14px; overflow: hidden;
  display: flex; flex-direction: column; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 2px; background: var(--line); }
figure { margin: 0; position: relative; aspect-ratio: 4 / 3; background: var(--page); }
figure img { display: block; width: 100%; height: 100%; object-fit: contain; }
figcaption { position: absolute; left: .6rem; bottom: .6rem; padding: .1rem .55rem; border-radius: 99px;
  background: rgb(0 0 0 / .62); color: #fff; font-size: .75rem; }
.none { display: grid; place-items: center; height: 100%; padding: 1rem; color: var(--quiet); font-size: .9rem;
  text-align: center; }
.about { padding: 1rem 1.2rem 1.15rem; }
h2 { margin: 0 0 .3rem; font-size: 1.05rem; overflow-wrap: anywhere; }
.facts { margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: .15rem 1.1rem; color: var(--quiet);
  font-size: .9rem; }
.state { font-weight: 600; }
.done .state { color: var(--good); }
.failed .state { color: var(--bad); }
.waiting .state { color: var(--open); }
.failed { border-color: var(--bad); }
.reason { margin: .6rem 0 0; font-size: .9rem; overflow-wrap: anywhere; }
.left-out { margin-top: 2.5rem; overflow-wrap: anywhere; }
a { color: inherit; }
footer { margin-top: 2.5rem; color: var(--quiet); font-size: .85rem; }
`;
