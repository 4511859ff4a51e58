import { testBites } from './bite.ts'

testBites('service', ['portal'])
