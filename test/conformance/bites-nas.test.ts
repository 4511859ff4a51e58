import { testBites } from './bite.ts'

testBites('nas', ['nas'])
