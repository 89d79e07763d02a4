// The one seam between the pages and the engine: every call that a page can make. Today it is the control API over HTTP;
// a window of the tray program can bring another one without a page knowing.
import type {
  About, AddDatabase, Added, CheckConfig, ConfigCheck, ConfigText, Credentials, DashboardSession, Event, History,
  JobRequest, JobSummary, LogLine, Report, Restart, RestorePlan, RestoreRequest, SettingRow, Status, Synced,
} from './api/types';
import { EventParser } from './sse';

/** A call that failed, in the engine's words; `offline` when nobody answered. */
export class Failure extends Error {
  constructor(
    readonly report: Report,
    readonly status: number,
  ) {
    super(report.message);
  }
  get offline(): boolean {
    return this.status === 0;
  }
  get closed(): boolean {
    return this.status === 401;
  }
}

export interface Backend {
  status(): Promise<Status>;
  /** Each new status until `signal` ends it; throws when the stream breaks off. */
  followStatus(onStatus: (status: Status) => void, signal: AbortSignal): Promise<void>;
  followJob(id: number, onJob: (job: JobSummary) => void, signal: AbortSignal): Promise<void>;
  add(database: AddDatabase): Promise<Added>;
  remove(name: string): Promise<void>;
  history(name: string): Promise<History>;
  plan(name: string, request: RestoreRequest, signal?: AbortSignal): Promise<RestorePlan>;
  startJob(name: string, request: JobRequest): Promise<JobSummary>;
  job(id: number): Promise<JobSummary>;
  cancelJob(id: number): Promise<void>;
  sync(name: string): Promise<Synced>;
  pause(until: Date | null): Promise<void>;
  resume(): Promise<void>;
  restart(what: Restart): Promise<void>;
  events(after: number, limit: number): Promise<Event[]>;
  logs(source: string | null, lines: number): Promise<LogLine[]>;
  config(): Promise<ConfigText>;
  replaceConfig(base: string, text: string): Promise<void>;
  checkConfig(check: CheckConfig, signal?: AbortSignal): Promise<ConfigCheck>;
  settings(): Promise<SettingRow[]>;
  setSetting(key: string, value: string | null): Promise<void>;
  setCredentials(credentials: Credentials): Promise<void>;
  recoverySheet(): Promise<string>;
  about(): Promise<About>;
  doctor(): Promise<unknown>;
}

const PROOF = 'sqlite-replicate-proof';

/** Where a page keeps its half of the session: for this port alone, and for every tab of it. */
function proof(): string {
  return localStorage.getItem(PROOF) ?? '';
}

/** Gives the key of a link back for a session, if the address holds one; and takes it out of the address. */
export async function openByLink(): Promise<void> {
  const key = /^#open=([0-9a-f]+)$/.exec(location.hash)?.[1];
  if (!key) return;
  history.replaceState(null, '', '/');
  const session = await call<DashboardSession>('POST', '/dashboard/session', { key });
  localStorage.setItem(PROOF, session.proof);
}

async function send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: { 'X-Dashboard-Proof': proof(), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      credentials: 'same-origin',
      cache: 'no-store',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Failure({ code: 'engine-not-running', message: String(error), causes: [], hint: null }, 0);
  }
  if (response.ok) return response;
  const text = await response.text();
  let report: Report = { code: 'internal', message: text.slice(0, 200), causes: [], hint: null };
  try {
    report = { ...report, ...(JSON.parse(text) as Partial<Report>) };
  } catch {
    // Another program answers: its own words are all there is.
  }
  throw new Failure(report, response.status);
}

async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await send(method, path, body, signal);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function follow<T>(path: string, name: string, on: (value: T) => void, signal: AbortSignal): Promise<void> {
  const response = await send('GET', path, undefined, signal);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  const parser = new EventParser();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    for (const event of parser.feed(piece.value)) if (event.name === name) on(JSON.parse(event.data) as T);
  }
}

const of = (name: string): string => `/v1/databases/${encodeURIComponent(name)}`;

/** The control API of the engine that served this page. */
export const backend: Backend = {
  status: () => call('GET', '/v1/status'),
  followStatus: (on, signal) => follow('/v1/status/stream', 'status', on, signal),
  followJob: (id, on, signal) => follow(`/v1/jobs/${id}/stream`, 'job', on, signal),
  add: (database) => call('POST', '/v1/databases', database),
  remove: (name) => call('DELETE', of(name)),
  history: (name) => call('GET', `${of(name)}/history`),
  plan: (name, request, signal) => call('POST', `${of(name)}/plan`, request, signal),
  startJob: (name, request) => call('POST', `${of(name)}/jobs`, request),
  job: (id) => call('GET', `/v1/jobs/${id}`),
  cancelJob: (id) => call('DELETE', `/v1/jobs/${id}`),
  sync: (name) => call('POST', `${of(name)}/sync`),
  pause: (until) => call('POST', '/v1/pause', { until: until?.toISOString() ?? null }),
  resume: () => call('POST', '/v1/resume'),
  restart: (what) => call('POST', '/v1/restart', { what }),
  events: (after, limit) => call('GET', `/v1/events?after=${after}&limit=${limit}`),
  logs: (source, lines) => call('GET', `/v1/logs?lines=${lines}${source ? `&source=${source}` : ''}`),
  config: () => call('GET', '/v1/config'),
  replaceConfig: (base, text) => call('PUT', '/v1/config', { base, text }),
  checkConfig: (check, signal) => call('POST', '/v1/config/check', check, signal),
  settings: () => call('GET', '/v1/settings'),
  setSetting: (key, value) => call('PATCH', '/v1/config', { key, value }),
  setCredentials: (credentials) => call('PUT', '/v1/credentials', credentials),
  recoverySheet: async () => (await send('GET', '/v1/recovery-sheet')).text(),
  about: () => call('GET', '/v1/about'),
  doctor: () => call('GET', '/v1/doctor'),
};
