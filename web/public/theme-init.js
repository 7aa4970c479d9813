// Runs before the first paint, as a file of its own because the CSP allows no
// inline script: sets the theme and the language that were chosen last.
(() => {
  const root = document.documentElement;
  let theme = 'dark';
  let locale = null;
  try {
    theme = localStorage.getItem('openmake.theme') || 'dark';
    locale = localStorage.getItem('openmake.locale');
  } catch {
    // Storage is blocked: the defaults hold.
  }
  if (theme === 'system') {
    theme = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
  }
  root.dataset.theme = theme === 'light' ? 'light' : 'dark';
  if (locale) root.lang = locale;
})();
