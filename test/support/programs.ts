import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Programs of the system that tests drive, with the Debian packages that bring them. `.ci/run` and CONTRIBUTING have the same. */
export const packages = {
  zsh: 'zsh',
  fish: 'fish',
  'secret-tool': 'libsecret-tools',
  'gnome-keyring-daemon': 'gnome-keyring',
  'dbus-run-session': 'dbus-daemon',
  'systemd-analyze': 'systemd',
} as const

/** @throws Error: which of the programs is missing, and how to install it. */
export function needPrograms(...programs: (keyof typeof packages)[]): void {
  const missing = programs.filter((program) => !isThere(program))
  if (missing.length === 0) return
  const install = missing.map((program) => packages[program]).join(' ')
  throw new Error(`${missing.join(', ')}: not on this machine. apt-get install ${install}`)
}

function isThere(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
