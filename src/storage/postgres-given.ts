/** Texts that are given as a JSON array. */
export const given = (parameter: string) =>
  `SELECT value FROM json_array_elements_text(${parameter}::text::json)`;

/** In SQL, `column = ${anyGiven("$1")}` is true of what the JSON array names. */
export const anyGiven = (parameter: string) => anyOf(given(parameter));

/** In SQL, `column = ${anyOf("SELECT …")}` is true of what is found, which is looked up by an index. */
export const anyOf = (query: string) => `ANY (ARRAY(${query}))`;

/**
 * In SQL, that the column has the value, which is of another row: that row comes first, and for each of
 * them this one is looked up by an index. By `=` alone they may as well be joined the other way round,
 * all that is given gone through for each row of a table that is believed small. What is believed is
 * old where a table grows fast, and a plan that was made once is kept for a while: a batch would take
 * the square of its rows.
 *
 * What else is asked of the row may lead to another index, which is gone through: where an index alone
 * answers, a LATERAL subquery with OFFSET 0 keeps the order; what is not to be looked up by is asked in
 * words that no index knows, such as IS NOT DISTINCT FROM.
 */
export const lookedUp = (column: string, value: string) => `${column} = ANY (ARRAY[${value}])`;
