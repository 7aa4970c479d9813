import type { NextConfig } from 'next';

const config: NextConfig = {
  output: 'export',
  // `/x` is x's page; the server redirects `/x/` to it.
  trailingSlash: false,
  reactStrictMode: true,
  poweredByHeader: false,
  devIndicators: false,
  // A random id would change every page, and with it every hash of the CSP.
  generateBuildId: () => 'openmake',
  images: { unoptimized: true },
  typescript: { ignoreBuildErrors: false },
};

export default config;
