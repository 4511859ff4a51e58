export const areOff = 'a command was given; commands are off here (COMMANDS is not "on")'
