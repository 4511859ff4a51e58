import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'

/** `from`: the panel or the alert. */
export type Query = { from: string; expr: string }
export type Alert = { alert: string; expr: string; annotations: { summary: string; runbook: string } }

type Panel = { title: string; targets?: { expr: string }[] }

/** Every query of the Grafana board. */
export async function boardQueries(): Promise<Query[]> {
  const { panels } = JSON.parse(await readFile('monitoring/grafana.json', 'utf8')) as { panels: Panel[] }
  return panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ from: title, expr })))
}

export async function readAlerts(): Promise<Alert[]> {
  const { groups } = parse(await readFile('monitoring/alerts.yml', 'utf8')) as {
    groups: { rules: Alert[] }[]
  }
  return groups.flatMap(({ rules }) => rules)
}

/** The names of the metrics that a query reads, each once: of a histogram the name of the whole. */
export function metricsIn(expr: string): string[] {
  const names = expr.match(/\b(?:chronos|process|nodejs)_[a-z0-9_]+/g) ?? []
  return [...new Set(names.map((name) => name.replace(/_(?:bucket|sum|count)$/, '')))]
}
