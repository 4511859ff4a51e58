export const areOff = 'commands are disabled on this service (COMMANDS is not "on")'
