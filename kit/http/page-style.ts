import { createHash } from "node:crypto";

/** How the pages look that this server makes itself, without the console: light and dark, on a desk and on a phone. */
export const pageStyle = [
  ":root{color-scheme:light dark;--canvas:#fbfbfc;--surface:#fff;--line:#e6e6ea;--edge:#8b8d98;--ink:#1c1d21;--soft:#5b5d66;--accent:#5753c6;--on-accent:#fff;--bad:#c4243a}",
  "@media (prefers-color-scheme:dark){:root{--canvas:#0c0d10;--surface:#131418;--line:#26282f;--edge:#7b7f8c;--ink:#edeef2;--soft:#a3a6b3;--accent:#b1adf8;--on-accent:#14131f;--bad:#ff8d9c}}",
  "*{box-sizing:border-box}",
  "body{margin:0;padding:0 1rem;font:15px/1.5 system-ui,sans-serif;background:var(--canvas);color:var(--ink)}",
  "main{max-width:26rem;margin:12vh auto;padding:1.75rem;border:1px solid var(--line);border-radius:.75rem;background:var(--surface);overflow-wrap:break-word}",
  'main::before{content:"Lyss";display:block;margin-bottom:1rem;font-weight:600;color:var(--accent)}',
  "h1{font-size:1.2rem;line-height:1.35;margin:0 0 .75rem}p,ul{margin:.75rem 0 0}section+section{margin-top:1.5rem}",
  "label{display:block;margin-top:1rem;font-size:.875rem;font-weight:500}",
  "input{display:block;width:100%;margin-top:.35rem;padding:.55rem .7rem;font:inherit;font-weight:400;color:inherit;background:transparent;border:1px solid var(--edge);border-radius:.4rem}",
  "button{margin:1.25rem .5rem 0 0;padding:.55rem 1.1rem;font:inherit;font-weight:500;color:inherit;background:transparent;border:1px solid var(--edge);border-radius:.4rem;cursor:pointer}",
  "button.main{background:var(--accent);border-color:var(--accent);color:var(--on-accent)}button:disabled{opacity:.6;cursor:default}",
  "a{color:var(--accent)}small{color:var(--soft)}.error{color:var(--bad)}",
  "pre{overflow-x:auto;margin:.75rem 0 0;padding:.75rem;background:var(--canvas);border:1px solid var(--line);border-radius:.4rem}",
  ":focus-visible{outline:2px solid var(--accent);outline-offset:2px}",
].join("");

/** Lets a content policy have this style and no other: a source of `style-src`. */
export const pageStyleSource = `'sha256-${createHash("sha256").update(pageStyle).digest("base64")}'`;
