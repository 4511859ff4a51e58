import { render } from 'preact'
import { App } from './app.tsx'
import { openSession } from './session.ts'

const root = document.querySelector('#page')
if (root) render(<App />, root)
void openSession()
