'use client';

import './globals.css';

// What held the texts is what broke: this page can only speak one language.
export default function GlobalError() {
  return (
    <html lang="en" data-theme="dark">
      <body>
        <main className="grid min-h-dvh place-items-center p-6 text-center">
          <div>
            <h1 className="font-semibold text-2xl">This page could not be shown</h1>
            <p className="mt-2 text-soft">Your conversations are safe on the server.</p>
            <button
              type="button"
              className="gradient-fill mt-5 rounded-sm px-4 py-2 font-medium"
              onClick={() => window.location.reload()}
            >
              Reload
            </button>
          </div>
        </main>
      </body>
    </html>
  );
}
