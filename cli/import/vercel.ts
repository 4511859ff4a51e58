import type { Imported } from './imported.ts'

/** `crons` of vercel.json. */
export function importVercel(text: string, { url }: { url: string | undefined }): Imported[] {
  const { crons = [] } = JSON.parse(text) as { crons?: { path: string; schedule: string }[] }
  return crons.map(({ path, schedule }) => ({
    place: `cron ${path} ${schedule}`,
    name: nameIn(path),
    job: {
      schedule: schedule.trim().replaceAll(/\s+/g, ' '),
      timezone: 'UTC',
      action: {
        type: 'http',
        method: 'GET',
        url: `${url?.replace(/\/+$/, '') ?? 'https://YOUR-APP.example'}/${path.replace(/^\/+/, '')}`,
        headers: { authorization: 'Bearer {{secrets.CRON_SECRET}}' },
      },
    },
    notes: [
      'Store CRON_SECRET as a secret, or remove the header.',
      ...(/[?&](?:key|token|secret|password)=/i.test(path)
        ? ['A credential stands in the path: store it as a secret, and name it as {{secrets.NAME}}.']
        : []),
      ...(url ? [] : ['Write your own address into the URL (or import with --url).']),
    ],
  }))
}

/** Without the folders that all of them are in, and without the query. */
function nameIn(path: string): string {
  const [place = ''] = path.split('?')
  return (
    place
      .replace(/^\/+/, '')
      .replace(/^api\//, '')
      .replace(/^crons?\//, '')
      .replace(/\/+$/, '') || 'root'
  )
}
