import { testBites } from './bite.ts'

testBites('service', ['service'])
