import { Keys } from './keys.tsx'
import { Layout } from './layout.tsx'
import { pages } from './pages/index.ts'
import { NotFoundPage } from './pages/not-found.tsx'
import { SignInPage } from './pages/sign-in.tsx'
import { project } from './project.ts'
import { match, path } from './router.ts'
import { session } from './session.ts'

/** The page: what the address names, if someone is signed in. */
export function App() {
  if (session.value === undefined) return null
  if (session.value === null) return <SignInPage />
  return (
    <>
      <Layout>{current()}</Layout>
      <Keys />
    </>
  )
}

function current() {
  for (const { pattern, Page } of pages) {
    const params = match(pattern, path.value)
    // another job is another page, and so is another project: nothing of the last one stays
    if (params) return <Page key={`${project.value} ${path.value}`} params={params} />
  }
  return <NotFoundPage />
}
