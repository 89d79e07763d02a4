// Which page is shown, by the part of the address after `#`: `#/restore/orders`.

export const PAGES = ['overview', 'restore', 'settings', 'activity', 'logs', 'about'] as const;
export type Page = (typeof PAGES)[number] | 'welcome' | 'sheet';

class Route {
  page = $state<Page>('overview');
  rest = $state('');

  read(): void {
    const [page = '', rest = ''] = location.hash.replace(/^#\/?/, '').split('/', 2);
    const known: readonly string[] = [...PAGES, 'welcome', 'sheet'];
    this.page = known.includes(page) ? (page as Page) : 'overview';
    this.rest = decodeURIComponent(rest);
  }
}

export const route = new Route();

export const href = (page: Page, rest = ''): string => `#/${page}${rest ? `/${encodeURIComponent(rest)}` : ''}`;

export function go(page: Page, rest = ''): void {
  location.hash = href(page, rest);
}
