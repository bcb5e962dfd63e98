/*  What goals of a block may do.

    Before a goal runs, library(sandbox) looks at everything it may call. A predicate that is not defined is let pass: calling
    it is an error, and what comes to be defined later is looked at when it is added. Where only the running program knows what
    is called (call(G), maplist(P, Xs), assertz(C)), guarded/2 puts a predicate of this module, which looks at that moment.

    Clauses of a block that stand before its first goal are looked at when a goal reaches them, all others when they are added.
*/

:- module(tea_guard, [set_up_guard/1, need_sandbox/0, sandboxed/0, guarded/2, guarded_clause/2, hook/1, permit_goal/1, permit_clause/1,
                      permit_head/1, permit_declaration/1, forget_proofs/0, sandbox_flag/1,
                      tea_call/1, tea_call/2, tea_call/3, tea_call/4, tea_call/5, tea_call/6, tea_call/7, tea_call/8,
                      tea_add/2, tea_message/2, tea_op/3, tea_pass/1]).

:- use_module(library(lists), [append/3, member/2, reverse/2]).
:- use_module(library(apply), [maplist/4]).
:- use_module(library(error), [instantiation_error/1, type_error/2]).
:- use_module(answer, [error_text/2, term_text/2]).

:- dynamic sandboxed/0.          % goals of blocks are looked at
:- dynamic sandbox_ready/0.      % library(sandbox) is loaded and told what it needs to know
:- dynamic proven/2.            % Name, Arity: a predicate that may be called with any arguments

:- meta_predicate
    tea_call(0), tea_call(1, ?), tea_call(2, ?, ?), tea_call(3, ?, ?, ?), tea_call(4, ?, ?, ?, ?), tea_call(5, ?, ?, ?, ?, ?),
    tea_call(6, ?, ?, ?, ?, ?, ?), tea_call(7, ?, ?, ?, ?, ?, ?, ?), tea_add(?, :).

:- multifile sandbox:safe_primitive/1, sandbox:safe_meta/2, sandbox:safe_global_variable/1.
:- dynamic sandbox:safe_primitive/1, sandbox:safe_meta/2, sandbox:safe_global_variable/1.

set_up_guard(true) :-
    !,
    assertz(sandboxed).
set_up_guard(_).

%   The library costs time, so a process that needs none does without. What it lets pass and should not: print_message/2 can
%   call any goal (the directive ~@ of a format in a message), and use_module/1 reads files.

need_sandbox :-
    sandbox_ready,
    !.
need_sandbox :-
    assertz(sandbox_ready),
    use_module(library(sandbox), []),
    forall(member(Open, ['$messages':print_message(_, _), system:use_module(_), system:use_module(_, _), system:load_files(_, _)]),
           retractall(sandbox:safe_primitive(Open))),
    asserta((sandbox:safe_primitive(Goal) :- tea_guard:forbidden(Goal), !,
                throw(error(permission_error(call, sandboxed, Goal), sandbox(Goal, []))))),
    assertz((sandbox:safe_primitive(Goal) :- tea_guard:harmless(Goal))),
    assertz((sandbox:safe_meta(Goal, []) :- tea_guard:harmless_meta(Goal))),
    assertz((sandbox:safe_global_variable(Name) :- tea_guard:own_variable(Name))).

%   permit_goal(:Goal): Goal may run. permit_clause(+Clause): Clause may be added to the block.
%   Throw tea_refused(Name, Place) or tea_unproven(Goal, Place).

permit_goal(Goal) :-
    need_sandbox,
    catch(sandbox:safe_goal(tea_block:Goal), Error, true),
    (   var(Error)
    ->  true
    ;   refusal(Error, Refusal0)
    ->  (   Refusal0 = tea_unproven("", "")
        ->  indicator(Goal, Name),
            Refusal = tea_unproven(Name, "")
        ;   Refusal = Refusal0
        ),
        throw(Refusal)
    ;   throw(Error)
    ).

permit_clause(Clause) :-
    permit_head(Clause),
    (   rule(Clause, _, Body)
    ->  permit_goal(Body)
    ;   true
    ).

%   rule(+Clause, -Head, -Body): with the arrows of guarded_clause/2.

rule((Head :- Body), Head, Body).
rule((Head => Body), Head, Body).
rule('?=>'(Head, Body), Head, Body).

%   permit_head(+Clause): it says something about a predicate of the block, not of another module.

permit_head(Clause) :-
    (   clause_head(Clause, Head),
        callable(Head),
        Head \= _:_
    ->  true
    ;   throw(tea_refused("a clause of another module", ""))
    ).

clause_head(Clause, Head) :-
    nonvar(Clause),
    (   rule(Clause, Head0, _)
    ->  Head = Head0
    ;   Head = Clause
    ).

%   permit_declaration(+Directive): a declaration of the block. In the sandbox only libraries can be loaded.

permit_declaration(Directive) :-
    (   sandboxed
    ->  permit_directive(Directive)
    ;   true
    ).

permit_directive(Directive) :-
    need_sandbox,
    (   loads(Directive, File)
    ->  (   allowed_file(File)
        ->  true
        ;   nonvar(File), File = library(_)
        ->  term_text(File, What),
            throw(tea_refused(What, ""))
        ;   functor(Directive, Name, Arity),
            format(string(What), '~q of ~q', [Name/Arity, File]),
            throw(tea_refused(What, ""))
        )
    ;   catch(once(prolog:sandbox_allowed_directive(tea_block:Directive)), Error, true)
    ->  (   var(Error)
        ->  true
        ;   refusal(Error, Refusal)
        ->  throw(Refusal)
        ;   throw(Error)
        )
    ;   indicator(Directive, Name),
        throw(tea_refused(Name, ""))
    ).

loads(use_module(File), File).
loads(use_module(File, _), File).
loads(ensure_loaded(File), File).
loads(include(File), File).
loads(load_files(File, _), File).
loads(consult(File), File).
loads(autoload(File), File).
loads(autoload(File, _), File).

forget_proofs :-
    retractall(proven(_, _)).

%   refusal(+Error, -Refusal): what library(sandbox) throws, in the words of the protocol.

refusal(error(permission_error(_, Kind, Culprit), Context), tea_refused(Name, "")) :-
    memberchk(Kind, [sandboxed, sandboxed_directive, safe_goal]),
    (   nonvar(Context), Context = sandbox(_, Parents), is_list(Parents), outermost(Parents, Called)
    ->  indicator(Called, Name)
    ;   indicator(Culprit, Name)
    ).
refusal(error(instantiation_error, sandbox(Goal, Parents)), tea_unproven(Name, "")) :-
    (   is_list(Parents), outermost(Parents, Called)
    ->  indicator(Called, Name)
    ;   nonvar(Goal)
    ->  indicator(Goal, Name)
    ;   Name = ""
    ).

%   The innermost goal that library(sandbox) names is often inside a library; the block called something around it.

outermost(Parents, Called) :-
    reverse(Parents, FromOutside),
    member(Called, FromOutside),
    nonvar(Called),
    strip_module(Called, _, Goal),
    callable(Goal),
    functor(Goal, Name, Arity),
    functor(Head, Name, Arity),
    \+ ( predicate_property(tea_block:Head, dynamic), \+ predicate_property(tea_block:Head, imported_from(_)) ),
    \+ calls_arguments(Head),
    !.

calls_arguments(Head) :-
    predicate_property(tea_block:Head, meta_predicate(Specification)),
    arg(_, Specification, Kind),
    memberchk(Kind, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ^, //]),
    !.

indicator((:- Goal), Text) :-
    !,
    indicator(Goal, Text).
indicator(Goal, Text) :-
    strip_module(Goal, Module, Plain),
    (   callable(Plain)
    ->  functor(Plain, Name, Arity)
    ;   Name = Plain, Arity = 0
    ),
    (   nonvar(Goal), Goal = _:_, \+ memberchk(Module, [tea_block, system, user]), \+ sub_atom(Module, 0, _, _, $),
        functor(Head, Name, Arity),
        \+ predicate_property(tea_block:Head, imported_from(Module))
    ->  format(string(Text), '~q', [Module:Name/Arity])
    ;   format(string(Text), '~q', [Name/Arity])
    ).

/* Goals that are looked at while they run. */

tea_call(G) :- permitted(G, P), call(P).
tea_call(G, A) :- extended(G, [A], P), call(P).
tea_call(G, A, B) :- extended(G, [A,B], P), call(P).
tea_call(G, A, B, C) :- extended(G, [A,B,C], P), call(P).
tea_call(G, A, B, C, D) :- extended(G, [A,B,C,D], P), call(P).
tea_call(G, A, B, C, D, E) :- extended(G, [A,B,C,D,E], P), call(P).
tea_call(G, A, B, C, D, E, F) :- extended(G, [A,B,C,D,E,F], P), call(P).
tea_call(G, A, B, C, D, E, F, H) :- extended(G, [A,B,C,D,E,F,H], P), call(P).

extended(Module:Closure, More, Permitted) :-
    (   var(Closure)
    ->  instantiation_error(Closure)
    ;   atom(Closure)
    ->  Goal =.. [Closure|More]
    ;   compound(Closure)
    ->  compound_name_arguments(Closure, Name, Arguments0),
        append(Arguments0, More, Arguments),
        compound_name_arguments(Goal, Name, Arguments)
    ;   type_error(callable, Closure)
    ),
    permitted(Module:Goal, Permitted).

permitted(Module:Goal0, Module:Goal) :-
    (   var(Goal0)
    ->  instantiation_error(Goal0)
    ;   callable(Goal0)
    ->  functor(Goal0, Name, Arity)
    ;   type_error(callable, Goal0)
    ),
    (   Module \== tea_block
    ->  Goal = Goal0,
        permit_goal(Module:Goal0)
    ;   proven(Name, Arity)
    ->  Goal = Goal0
    ;   expand_goal(tea_block:Goal0, Expanded),
        strip_module(Expanded, _, Plain),
        guarded(Plain, Goal),
        permit_goal(Goal),
        functor(General, Name, Arity),
        (   Goal0 =@= Goal,
            catch(permit_goal(General), _, fail)
        ->  assertz(proven(Name, Arity))
        ;   true
        )
    ).

%   tea_add(+Where, :Clause): asserta or assertz of a clause that is not known before.

tea_add(Where, Module:Clause0) :-
    (   Module == tea_block
    ->  true
    ;   throw(tea_refused("asserting a clause in another module", ""))
    ),
    ( var(Clause0) -> instantiation_error(Clause0) ; true ),
    guarded_clause(Clause0, Clause),
    permit_clause(Clause),
    (   Where == a
    ->  asserta(tea_block:Clause)
    ;   assertz(tea_block:Clause)
    ).

%   tea_message(+Kind, +Message): print_message/2 without a way to call anything.

tea_message(Kind, Message) :-
    (   memberchk(Kind, [silent, informational, banner, help, debug(_)])
    ->  true
    ;   nonvar(Message), Message = format(Format, Arguments)
    ->  tea_call(tea_block:format(user_error, Format, Arguments)),
        nl(user_error)
    ;   ( nonvar(Message), Message = error(_, _) -> error_text(Message, Text) ; term_text(Message, Text) ),
        format(user_error, '~w: ~w~n', [Kind, Text])
    ).

%   tea_op(+Priority, +Type, +Names): op/3 for the block, wherever it is called from.

tea_op(Priority, Type, Names) :-
    (   is_list(Names)
    ->  forall(member(Name, Names), tea_op(Priority, Type, Name))
    ;   nonvar(Names), Names = _:_
    ->  op(Priority, Type, Names)
    ;   op(Priority, Type, tea_block:Names)
    ).

%   tea_pass(+Error): after catch/3 in a block. What ends a block is not for the block to catch.

tea_pass(Error) :-
    (   nonvar(Error), uncatchable(Error)
    ->  throw(Error)
    ;   true
    ).

uncatchable(inference_limit_exceeded).
uncatchable(tea_inferences).

/* Rewriting. */

%   guarded_clause(+Clause0, -Clause): what guarded/2 does, for the bodies and conditions of a clause.

guarded_clause((Head :- Body0), (Head :- Body)) :-
    !,
    guarded(Body0, Body).
guarded_clause((Head => Body0), Clause) :-
    !,
    guarded(Body0, Body),
    (   nonvar(Head), Head = (Plain, Condition0)
        % As Prolog does it for a file; assertz/1 does not.
    ->  guarded(Condition0, Condition),
        Clause = '?=>'(Plain, (Condition, !, Body))
    ;   Clause = (Head => Body)
    ).
guarded_clause('?=>'(Head, Body0), '?=>'(Head, Body)) :-
    !,
    guarded(Body0, Body).
guarded_clause(Clause, Clause).

%   hook(+Clause): a rule for a predicate that Prolog calls by itself, on occasions of its own.

hook(Clause) :-
    rule(Clause, Head, _),
    callable(Head),
    functor(Head, Name, _),
    memberchk(Name, [term_expansion, goal_expansion, attr_unify_hook, attribute_goals, attr_portray_hook, project_attributes, portray,
                     exception, prolog_load_file, message_hook]),
    !.

%   guarded(+Goal0, -Goal): Goal is Goal0 with the goals in it that can only be looked at while they run replaced.

guarded(Goal, Goal) :-
    var(Goal),
    \+ sandboxed,
    !.
guarded(Goal, tea_call(Goal)) :-
    var(Goal),
    !.
guarded(Goal, Goal) :-
    \+ compound(Goal),
    !.
guarded((A0, B0), (A, B)) :- !, guarded(A0, A), guarded(B0, B).
guarded((A0 ; B0), (A ; B)) :- !, guarded(A0, A), guarded(B0, B).
guarded((A0 -> B0), (A -> B)) :- !, guarded(A0, A), guarded(B0, B).
guarded((A0 *-> B0), (A *-> B)) :- !, guarded(A0, A), guarded(B0, B).
guarded(\+ A0, \+ A) :- !, guarded(A0, A).
guarded(catch(A0, Error, B0), catch(A, Error, (tea_guard:tea_pass(Error), B))) :- !, guarded(A0, A), guarded(B0, B).
guarded(catch_with_backtrace(A0, Error, B0), Goal) :- !, guarded(catch(A0, Error, B0), Goal).
guarded(Goal0, Goal) :-
    sandboxed,
    adding(Goal0, Where, Clause),
    !,
    (   plain_fact(Clause)
    ->  Goal = Goal0
    ;   Goal = tea_add(Where, Clause)
    ).
guarded(format(Format, Arguments), tea_call(format(Format, Arguments))) :-
    var(Format),
    sandboxed,
    !.
guarded(format(Output, Format, Arguments), tea_call(format(Output, Format, Arguments))) :-
    var(Format),
    sandboxed,
    !.
guarded(print_message(Kind, Message), tea_message(Kind, Message)) :-
    sandboxed,
    !.
guarded(op(Priority, Type, Names), tea_op(Priority, Type, Names)) :-
    !.
guarded(Goal0, Goal) :-
    meta_arguments(Goal0, Specification),
    !,
    compound_name_arguments(Goal0, Name, Arguments0),
    compound_name_arguments(Specification, _, Kinds),
    maplist(guarded_argument, Kinds, Arguments0, Arguments),
    compound_name_arguments(Goal, Name, Arguments).
guarded(Goal, Goal).

meta_arguments(Goal, Specification) :-
    functor(Goal, Name, Arity),
    \+ tea_text:own_head(Name, Arity),
    predicate_property(tea_block:Goal, meta_predicate(Specification)).

guarded_argument(0, Goal0, Goal) :- !, guarded(Goal0, Goal).
guarded_argument(^, Goal0, Goal) :- !, guarded_inside(Goal0, Goal).
guarded_argument(1, Adding, tea_add(Where)) :- adding_closure(Adding, Where), !.
guarded_argument(Kind, Closure0, Closure) :- integer(Kind), !, guarded_closure(Closure0, Closure).
guarded_argument(_, Argument, Argument).

guarded_inside(Goal0, Goal) :-
    nonvar(Goal0),
    Goal0 = Variable^Inner0,
    !,
    Goal = Variable^Inner,
    guarded_inside(Inner0, Inner).
guarded_inside(Goal0, Goal) :-
    guarded(Goal0, Goal).

guarded_closure(Closure, Guarded) :-
    var(Closure),
    !,
    (   sandboxed
    ->  Guarded = tea_call(Closure)
    ;   Guarded = Closure
    ).
guarded_closure(Parameters >> Body0, Parameters >> Body) :-
    nonvar(Body0),
    !,
    guarded(Body0, Body).
guarded_closure(Closure, Closure).

%   adding_closure(+Closure, -Where): one that adds what it is called with. library(sandbox) of 9.2 lets none pass.

adding_closure(Closure, Where) :-
    sandboxed,
    atom(Closure),
    Goal =.. [Closure, _],
    adding(Goal, Where, _).

adding(assert(Clause), z, Clause).
adding(assertz(Clause), z, Clause).
adding(asserta(Clause), a, Clause).

plain_fact(Clause) :-
    nonvar(Clause),
    callable(Clause),
    \+ rule(Clause, _, _),
    Clause \= (_ --> _),
    Clause \= _:_.

/* What library(sandbox) is told. */

%   forbidden(+Goal): library(sandbox) looks into every library, and lets pass some predicates that open files, or that keep a
%   goal to be called later. So only the libraries listed here are looked into. It also takes `p => q` for a fact.

forbidden(Goal) :-
    ( Goal = _:Plain -> true ; Plain = Goal ),
    nonvar(Plain),
    adding(Plain, _, Clause),
    nonvar(Clause),
    \+ plain_fact(Clause),
    !.
forbidden(Module:Goal) :-
    atom(Module),
    nonvar(Goal),
    (   memberchk(Module, [tea_block, tea, tea_guard])
    ->  fail
    ;   ( Module == system ; sub_atom(Module, 0, _, _, $) )
    ->  keeps_a_goal(Goal)
    ;   allowed(_, Module)
    ->  fail
    ;   true
    ).

keeps_a_goal(at_halt(_)).
keeps_a_goal(cancel_halt(_)).
keeps_a_goal(thread_initialization(_)).
keeps_a_goal(residual_goals(_)).
keeps_a_goal(register_iri_scheme(_, _, _)).

allowed_file(File) :-
    nonvar(File),
    File = library(Name),
    ground(Name),
    allowed(Name, _).

%   allowed(?Library, ?Module)

allowed(aggregate, aggregate).
allowed(apply, apply).
allowed(apply_macros, apply_macros).
allowed(arithmetic, arithmetic).
allowed(assoc, assoc).
allowed(backcomp, backward_compatibility).
allowed(base32, base32).
allowed(base64, base64).
allowed(clpb, clpb).
allowed(clpfd, clpfd).
allowed(clp/clpb, clpb).
allowed(clp/clpfd, clpfd).
allowed(ctypes, ctypes).
allowed(date, date).
allowed(dcg/basics, dcg_basics).
allowed(dcg/high_order, dcg_high_order).
allowed(debug, prolog_debug).
allowed(dicts, dicts).
allowed(dif, dif).
allowed(double_metaphone, double_metaphone).
allowed(error, error).
allowed(gensym, gensym).
allowed(heaps, heaps).
allowed(isub, isub).
allowed(listing, prolog_listing).
allowed(lists, lists).
allowed(md5, md5).
allowed(nb_set, nb_set).
allowed(occurs, occurs).
allowed(option, swi_option).
allowed(ordsets, ordsets).
allowed(pairs, pairs).
allowed(porter_stem, porter_stem).
allowed(prolog_code, prolog_code).
allowed(quintus, quintus).
allowed(random, random).
allowed(rbtrees, rbtrees).
allowed(sha, sha).
allowed(simplex, simplex).
allowed(snowball, snowball).
allowed(solution_sequences, solution_sequences).
allowed(sort, sort).
allowed(statistics, prolog_statistics).
allowed(strings, strings).
allowed(tabling, '$tabling').
allowed(terms, terms).
allowed(time, time).
allowed(ugraphs, ugraphs).
allowed(uri, uri).
allowed(utf8, utf8).
allowed(varnumbers, varnumbers).
allowed(when, when).
allowed(writef, writef).
allowed(yall, yall).
allowed(prolog_format, prolog_format).

harmless_meta(Module:Goal) :-
    nonvar(Module),
    nonvar(Goal),
    harmless_meta(Module, Goal).

harmless_meta(tea_block, Goal) :-
    \+ predicate_property(tea_block:Goal, defined).
harmless_meta(tea_guard, Goal) :-
    functor(Goal, Name, _),
    memberchk(Name, [tea_call, tea_add]).
harmless_meta(tea_guard, tea_op(_, _, Names)) :-
    ( atom(Names) ; is_list(Names), ground(Names), \+ ( member(Name, Names), \+ atom(Name) ) ),
    !.
harmless_meta(system, use_module(File)) :-
    allowed_file(File).
harmless_meta(system, use_module(File, _)) :-
    allowed_file(File).
harmless_meta(system, format(Output, Format, Arguments)) :-
    nonvar(Output),
    own_stream(Output),
    nonvar(Format),
    copy_term(Arguments, Copy),
    sandbox:format_calls(Format, Copy, Calls),
    Calls == [].
harmless_meta(system, current_predicate(What)) :-
    nonvar(What),
    What = _/_.

harmless(Module:Goal) :-
    nonvar(Module),
    nonvar(Goal),
    harmless(Module, Goal).

harmless(tea, _).
harmless(tea_guard, tea_pass(_)).
harmless(tea_guard, tea_message(_, _)).
harmless(lists, Goal) :- \+ predicate_property(lists:Goal, meta_predicate(_)).
harmless(pairs, Goal) :- \+ predicate_property(pairs:Goal, meta_predicate(_)).
harmless(system, Goal) :- harmless_output(Goal).
harmless(system, set_random(seed(Seed))) :- nonvar(Seed).
harmless(system, read_term_from_atom(_, _, [])).
harmless('$syspreds', garbage_collect).
harmless(prolog_listing, portray_clause(_)).

harmless_output(nl).
harmless_output(nl(Stream)) :- own_stream(Stream).
harmless_output(write(_)).
harmless_output(write(Stream, _)) :- own_stream(Stream).
harmless_output(writeln(Stream, _)) :- own_stream(Stream).
harmless_output(print(_)).
harmless_output(print(Stream, _)) :- own_stream(Stream).
harmless_output(writeq(_)).
harmless_output(writeq(Stream, _)) :- own_stream(Stream).
harmless_output(write_canonical(_)).
harmless_output(put_char(_)).
harmless_output(tab(_)).
harmless_output(tab(Stream, _)) :- own_stream(Stream).
harmless_output(flush_output).

own_stream(Stream) :-
    atom(Stream),
    memberchk(Stream, [user_output, user_error, current_output]).

own_variable(Name) :-
    atom(Name),
    Name \== sandbox_last_error,
    \+ sub_atom(Name, 0, _, _, $).

%   Flags that library(sandbox) lets a goal set and that count for the whole process.

sandbox_flag(Flag) :-
    member(Flag, [optimise, occurs_check, generate_debug_info, prefer_rationals, float_overflow, float_zero_div, float_undefined,
                  float_underflow, float_rounding, max_rational_size, max_rational_size_action, max_answers_for_subgoal,
                  max_answers_for_subgoal_action, max_table_answer_size, max_table_answer_size_action, max_table_subgoal_size,
                  max_table_subgoal_size_action, double_quotes, back_quotes, rational_syntax, character_escapes, answer_write_options]).
