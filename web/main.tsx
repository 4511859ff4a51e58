import { render } from 'preact'
import { App } from './app.tsx'
import { openSession } from './session.ts'
import { askEarly } from './status.ts'

const root = document.querySelector('#page')
if (root) render(<App />, root)
// a link that signs in comes first: without a session there is no status to see
if (!location.hash) askEarly()
void openSession()
