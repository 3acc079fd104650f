/** One correction of the driver's source: a passage that occurs once, and what takes its place. */
export interface DriverFix {
  readonly file: "connection.js" | "index.js" | "types.js";
  readonly why: string;
  readonly before: string;
  readonly after: string;
}

/**
 * What postgres.js 3.4.9 does when a session ends under it (fail-over, pg_terminate_backend, a time limit), and why that
 * cannot stay: the process crashes, or statements of a dead transaction run and commit inside another one. Known
 * upstream as github.com/porsager/postgres #1154, #1189, #1208, #1216; proposed in #1209 and #1215, not released. Nor does it turn Nagle's
 * algorithm off, as libpq does: a COPY of a handful of rows took 43 ms, and 1 without.
 * `driver.db.test.ts` shows them. Remove what a new release makes superfluous; what no longer fits stops the start.
 */
export const driverFixes: readonly DriverFix[] = [
  {
    file: "connection.js",
    why: "a query for a session that is gone fails, instead of throwing outside any promise",
    before: `    if (stream)
      return queryError(q, Errors.generic('COPY_IN_PROGRESS'`,
    after: `    if (!socket) {
      queryError(q, Errors.connection('CONNECTION_CLOSED', options))
      return true
    }

    if (stream)
      return queryError(q, Errors.generic('COPY_IN_PROGRESS'`,
  },
  {
    file: "connection.js",
    why: "a write that was scheduled before the session ended is dropped",
    before: "    const x = socket.write(chunk, fn)\n",
    after: `    if (!socket) {
      chunk = nextWriteTimer = null
      return false
    }
    const x = socket.write(chunk, fn)
`,
  },
  {
    file: "connection.js",
    why: "nothing of an ended session is left over for the next one, and who waits for its end is told",
    before: `    if (initial)
      return reconnect()

    !hadError && (query || sent.length) && error(Errors.connection('CONNECTION_CLOSED', options, socket))
`,
    after: `    nextWriteTimer = chunk = null

    if (initial && options.host.length > 1)
      return reconnect()

    ;(initial || query || sent.length) && error(Errors.connection('CONNECTION_CLOSED', options))
    final && final(Errors.connection('CONNECTION_CLOSED', options))
    query = results = errorResponse = stream = final = null
    result = new Result()
    ended && ended()
    ending = ended = null
`,
  },
  {
    file: "connection.js",
    why: "a session that ends while it asks for the types of arrays fails its query, and does not end the process",
    before: "        return fetchArrayTypes()\n",
    // The query that waits behind it is told by the end of the session.
    after: "        return fetchArrayTypes().catch(() => {})\n",
  },
  {
    file: "connection.js",
    why: "a server that has gone without a word, or a network that swallows everything, fails what waits for it",
    before: "      keep_alive && socket.setKeepAlive && socket.setKeepAlive(true, 1000 * keep_alive)\n",
    // TCP itself gives up after a quarter of an hour. The server ends a statement within its limit, and says so.
    after: `      keep_alive && socket.setKeepAlive && socket.setKeepAlive(true, 1000 * keep_alive)
      const limit = Number(options.connection.statement_timeout)
      const watched = socket
      limit && watched.setTimeout(limit + 2000)
      // Not \`once\`, as setTimeout would have it: a session falls idle, harmlessly, before it falls silent.
      watched.on('timeout', () => {
        if (query || initial || sent.length)
          watched.destroy()
      })
`,
  },
  {
    file: "connection.js",
    why: "what is written in pieces, as COPY is, does not wait 40 ms for the server's acknowledgement (Nagle, RFC 896, meets RFC 1122, 4.2.3.2)",
    before: "    x.on('drain', drain)\n    return x\n",
    after: "    x.on('drain', drain)\n    x.setNoDelay(true)\n    return x\n",
  },
  {
    file: "connection.js",
    why: "a session that is closed towards a server that does not answer is gone, and holds up no process that ends",
    before: "      socket.readyState === 'open' && socket.end(b().X().end())\n",
    after: `      socket.readyState === 'open' && socket.end(b().X().end())
      const closing = socket
      closing.setTimeout(1000, () => closing.destroy())
`,
  },
  {
    file: "connection.js",
    why: "BEGIN reserves its session even when the pipeline is full or the socket asks to wait",
    before: `      return write(toBuffer(q))
        && !q.describeFirst`,
    after: `      const isWritable = write(toBuffer(q))
      if (q.options.onexecute)
        return q.options.onexecute(connection)

      return isWritable
        && !q.describeFirst`,
  },
  {
    file: "connection.js",
    why: "a session that a transaction has reserved is not given to others when its socket drains",
    before: "    !query && onopen(connection)\n",
    after: "    !query && !connection.reserved && onopen(connection)\n",
  },
  {
    file: "connection.js",
    why: "rows that the server refuses in COPY fail the stream that wrote them, which otherwise waits for ever",
    before: "      errorResponse = Errors.postgres(parseError(x))\n",
    after: `      errorResponse = Errors.postgres(parseError(x))
      if (final)
        final(errorResponse)
      else if (stream)
        stream.destroy(errorResponse)
      final = null
`,
  },
  {
    file: "connection.js",
    why: "a session that ends while somebody looks at rows of a cursor fails the transaction, and does not end the process",
    before: "      const x = await Promise.resolve(query.cursorFn(result))\n",
    after: `      const read = query
      const x = await Promise.resolve(query.cursorFn(result))
      if (query !== read)
        return
`,
  },
  {
    file: "index.js",
    why: "the end of a transaction's session is noticed from its first statement on",
    before: `        new Promise((_, reject) => connection.onclose = reject)
      ])
    } catch (error) {
      throw error
    }
`,
    after: `        new Promise((_, reject) => closed ? reject(closed) : onclosed = reject)
      ])
    } finally {
      closed = closed || Errors.generic('TRANSACTION_ENDED', 'The transaction has ended')
    }
`,
  },
  {
    file: "index.js",
    why: "the end of a transaction's session is noticed from its first statement on",
    before: `      connection = c
      move(c, reserved)
`,
    after: `      connection = c
      c.onclose = e => {
        closed = closed || e
        onclosed && onclosed(e)
        while (queries.length)
          queries.shift().reject(e)
      }
      move(c, reserved)
`,
  },
  {
    file: "index.js",
    why: "the end of a transaction's session is noticed from its first statement on",
    before: `      , connection
      , prepare = null
`,
    after: `      , connection
      , closed = null
      , onclosed = null
      , prepare = null
`,
  },
  {
    file: "index.js",
    why: "a statement of a transaction that has ended fails, instead of running outside or in another one",
    before: `        q.catch(e => uncaughtError || (uncaughtError = e))
        c.queue === full`,
    after: `        q.catch(e => uncaughtError || (uncaughtError = e))
        if (closed)
          return q.reject(closed)

        c.queue === full`,
  },
  {
    file: "types.js",
    why: "an array of bigint, boolean, Date or bytes has an array's type, not that of its first element",
    before: "      : (parameters.push(x), inferType(x))\n",
    after: `      : (parameters.push(x), Array.isArray(x) ? { 16: 1000, 17: 1001, 20: 1016, 1184: 1185 }[inferType(x)] || 0 : inferType(x))
`,
  },
];
