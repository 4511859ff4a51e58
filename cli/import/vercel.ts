import { asWritten, type Imported, secretIn } from './imported.ts'

type Cron = { path?: unknown; schedule?: unknown }

/** `crons` of vercel.json. */
export function importVercel(text: string, { url }: { url: string | undefined }): Imported[] {
  const { crons = [] } = JSON.parse(text) as { crons?: Cron[] }
  if (!Array.isArray(crons)) throw new Error('`crons` is no list.')
  const places = crons.map(({ path }) => placeIn(String(path)))
  return crons.map(({ path, schedule }) => {
    if (typeof path !== 'string' || typeof schedule !== 'string')
      return {
        ...{ place: `cron ${JSON.stringify({ path, schedule })}`, name: '', job: null },
        notes: ['A cron needs a path and a schedule.'],
      }
    const hasKey = keyForm.test(path)
    const isShared = places.filter((one) => one === placeIn(path)).length > 1
    return {
      place: `cron ${path} ${schedule}`,
      // of several calls of one place the query says which; a credential names nothing
      name: nameIn(isShared && !hasKey ? path : placeIn(path)),
      job: {
        schedule: schedule.trim().replaceAll(/\s+/g, ' '),
        timezone: 'UTC',
        action: asWritten({
          type: 'http',
          method: 'GET',
          url: `${url?.replace(/\/+$/, '') ?? 'https://YOUR-APP.example'}/${path.replace(/^\/+/, '')}`,
          headers: { authorization: `Bearer ${secretIn('CRON_SECRET')}` },
        }),
      },
      notes: [
        'Store CRON_SECRET as a secret, or remove the header.',
        ...(hasKey
          ? ['A credential stands in the path: store it as a secret, and name it as {{secrets.NAME}}.']
          : []),
        ...(url ? [] : ['Write your own address into the URL (or import with --url).']),
      ],
    }
  })
}

const keyForm = /[?&](?:[\w-]*(?:key|token|secret)|password)=/i

const placeIn = (path: string) => path.split('?')[0] ?? ''

/** Without the folders that all of them are in. */
function nameIn(path: string): string {
  return (
    path
      .replace(/^\/+/, '')
      .replace(/^api\//, '')
      .replace(/^crons?\//, '')
      .replace(/\/+$/, '') || 'root'
  )
}
