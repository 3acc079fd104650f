// Before anything is painted: a file of its own, since nothing inline runs here.
(() => {
  const wanted = localStorage.getItem("lyss.theme");
  const isDark = wanted === "dark" || (wanted !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
})();
