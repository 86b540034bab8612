// Steps, one after the other, said as cargo says tests, so that one summary counts all. A step that fails does not stop the next.

/** Thrown by a step whose library cannot do what it is about. */
export class Skipped extends Error {}

/** The library waits for ever in some places; whoever runs the tests does not. */
const PATIENCE = 20_000;

const inTime = (work) => {
  let timer;
  const late = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error('took too long')), PATIENCE); });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
};

export class Report {
  passed = 0;
  failed = 0;
  ignored = 0;

  async step(name, work) {
    try {
      await inTime(work());
      console.log(`test real_client::${name} ... ok`);
      this.passed += 1;
    } catch (error) {
      if (error instanceof Skipped) {
        console.log(`test real_client::${name} ... ignored, ${error.message}`);
        this.ignored += 1;
        return;
      }
      console.log(`test real_client::${name} ... FAILED`);
      console.error(error);
      this.failed += 1;
    }
  }

  /** Says how it went, and ends the process: the library's threads would keep it. */
  end() {
    const { passed, failed, ignored } = this;
    console.log(`test result: ${failed ? 'FAILED' : 'ok'}. ${passed} passed; ${failed} failed; ${ignored} ignored`);
    process.exit(failed ? 1 : 0);
  }
}
