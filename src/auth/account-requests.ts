// What accounts are asked for.
import type { UserId } from "../base/ids.ts";
import type { Role } from "../model/role.ts";
import type { OauthIdentity, UserStorage } from "../model/user.ts";

export interface PresentedTokens {
  readonly access: string | undefined;
  readonly refresh: string | undefined;
}

export interface LoginRequest {
  readonly user: string;
  readonly password: string;
  readonly isLoopback: boolean;
  /** Of the client, for the audit log. */
  readonly address?: string;
}

export interface SetupRequest {
  readonly user: string;
  readonly password: string;
  readonly rootPassword: string;
  readonly email: string | undefined;
  readonly isLoopback: boolean;
  /** Of the client, for the audit log. */
  readonly address?: string;
}

/** How a user proves who they are. `internal`: not at all; other users act for them, or API keys do. */
export type SignIn =
  | { readonly kind: "password"; readonly password: string }
  | ({ readonly kind: "oauth" } & OauthIdentity)
  | { readonly kind: "internal" };

export interface NewUser {
  readonly user: UserId;
  readonly signIn: SignIn;
  readonly role: Role;
  readonly email: string | undefined;
}

export type UserChange =
  | { readonly kind: "password"; readonly password: string }
  | { readonly kind: "role"; readonly role: Role }
  | { readonly kind: "email"; readonly email: string }
  /** Ends a lock that wrong passwords brought; tokens and sockets stay. */
  | { readonly kind: "unlock" }
  /** That the storage exists is the caller's to know. */
  | { readonly kind: "storage"; readonly storage: UserStorage };
