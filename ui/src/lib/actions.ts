// What a button beside a condition does: the one thing that most likely helps, or the page where it is found.
import type { Condition, JobRequest, Restart } from './api/types';
import type { Page } from './router.svelte';

export type Action =
  | { does: 'job'; label: 'drill' | 'scan' | 'heal'; request: JobRequest }
  | { does: 'restart'; label: 'restart'; what: Restart }
  | { does: 'resume'; label: 'resume' }
  | { does: 'go'; label: 'add' | `open-${Page}`; page: Page; rest?: string };

/** Settings that a condition is about. */
const SETTINGS: Partial<Record<Condition['code'], string>> = {
  'store-full': 'store.data_dir',
  'low-space': 'store.data_dir',
  'same-disk': 'store.data_dir',
  'store-refused': 'store.endpoint',
  'health-port-taken': 'health.listen',
  'notify-failing': 'notify.webhook',
  'config-bad': 'file',
};

/** The button for a condition; none for what passes by itself. */
export function actionFor(condition: Condition): Action | null {
  if (condition.severity === 'progress') return null;
  switch (condition.code) {
    case 'never-drilled':
    case 'drill-overdue':
      return { does: 'job', label: 'drill', request: { kind: 'drill' } };
    case 'scan-overdue':
      return { does: 'job', label: 'scan', request: { kind: 'scan', heal: false } };
    case 'history-damaged':
    case 'drill-failed':
      return { does: 'job', label: 'heal', request: { kind: 'scan', heal: true } };
    case 'store-down':
      return { does: 'restart', label: 'restart', what: 'store' };
    case 'capture-down':
      return { does: 'restart', label: 'restart', what: 'capture' };
    case 'paused':
      return { does: 'resume', label: 'resume' };
    case 'no-databases':
      return { does: 'go', label: 'add', page: 'welcome' };
    default: {
      const setting = SETTINGS[condition.code];
      if (setting) return { does: 'go', label: 'open-settings', page: 'settings', rest: setting };
      if (condition.screen === 'overview') return null;
      return { does: 'go', label: `open-${condition.screen}`, page: condition.screen };
    }
  }
}
