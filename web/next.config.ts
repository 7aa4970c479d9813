import type { NextConfig } from 'next';

const config: NextConfig = {
  // `page.dev.tsx` is a page in development only: /design.
  pageExtensions: process.env.NODE_ENV === 'development' ? ['dev.tsx', 'tsx', 'ts'] : ['tsx', 'ts'],
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
