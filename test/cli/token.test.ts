import { describe, expect, test } from "bun:test";
import { jwtVerify } from "jose";
import { NOW, run, SECRET } from "../support/cli-harness.ts";

describe("token", () => {
  const key = new TextEncoder().encode(SECRET);
  const env = { PARLEY_JWT_SECRET: SECRET };

  test("prints a token for the user and nothing else", async () => {
    const argv = ["token", "--user", "ada", "--name", "Ada L.", "--expires", "30m"];
    const { done, stdout, stderr } = run(argv, { env });
    expect(await done).toBe(0);
    expect(stderr()).toBe("");
    expect(stdout()).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const { payload, protectedHeader } = await jwtVerify(stdout().trim(), key, {
      currentDate: new Date(NOW),
    });
    expect(protectedHeader.alg).toBe("HS256");
    expect(payload).toEqual({
      sub: "ada",
      name: "Ada L.",
      iat: NOW / 1000,
      exp: NOW / 1000 + 1800,
    });
  });

  test("holds for twelve hours, and for the server's own audience and issuer", async () => {
    const argv = ["token", "--user=ada", "--jwt-audience=chat", "--jwt-issuer=me"];
    const { done, stdout } = run(argv, { env });
    expect(await done).toBe(0);
    const options = { currentDate: new Date(NOW), audience: "chat", issuer: "me" };
    const { payload } = await jwtVerify(stdout().trim(), key, options);
    expect(payload.exp).toBe(NOW / 1000 + 12 * 3600);
    expect(payload).not.toHaveProperty("name");
  });

  test("has roles, and claims by the server's own names and algorithm", async () => {
    const argv = ["token", "--user=ada", "--name=Ada", "--role=admin,editor"];
    const flags = [
      ...["--jwt-user-id-claim=user.id", "--jwt-name-claim=user.name"],
      ...["--jwt-roles-claim=https://app.example/roles"],
      ...["--jwt-algorithms=HS512", `--jwt-secret=${SECRET}${SECRET}`],
    ];
    const { done, stdout } = run([...argv, ...flags]);
    expect(await done).toBe(0);
    const { payload, protectedHeader } = await jwtVerify(
      stdout().trim(),
      new TextEncoder().encode(SECRET + SECRET),
      { currentDate: new Date(NOW) },
    );
    expect(protectedHeader.alg).toBe("HS512");
    expect(payload).toMatchObject({
      user: { id: "ada", name: "Ada" },
      "https://app.example/roles": ["admin", "editor"],
    });
  });

  test("is refused without a secret", async () => {
    const { done, stdout, stderr } = run(["token", "--user", "ada"]);
    expect(await done).toBe(1);
    expect(stdout()).toBe("");
    expect(stderr()).toContain("PARLEY_JWT_SECRET");
  });
});
