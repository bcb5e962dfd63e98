/*  The Prolog side of Prolog blocks: a loop that reads requests and runs blocks.

    swipl.py starts it and holds the other ends of three pipes, whose numbers are arguments: requests, answers, and one that
    is never written to. That one ends when the parent does, and this process with it. Standard input is empty and standard
    output is the parent's standard error, so that nothing a block reads or writes meets the protocol.

    A request is one term: check(Text), run(Id, Text, Stack, Inferences, State), forget. The text of a block is sent once; it
    is kept, read and looked at, under its Id. An answer is lines of JSON, the last of which is ["done"].

    Places are offsets in characters from the start of a text; the parent knows its lines.
*/

:- module(tea_worker, [serve/0]).

:- use_module(block).
:- use_module(answer).
:- use_module(guard).
:- use_module(interface, []).
:- use_module(library(lists), [append/3, member/2]).

:- dynamic unchanged_flag/2.    % Flag, Value: what a block may change and the next one finds unchanged

%   serve: answer requests until there are no more.

serve :-
    current_prolog_flag(argv, Arguments),
    append(_, [Requests, Answers, Life, Sandbox], Arguments),
    !,
    set_prolog_flag(answer_write_options, [max_depth(20), quoted(true)]),
    set_prolog_flag(verbose_autoload, false),
    set_prolog_flag(toplevel_prompt, ''),
    watch(Life),
    descriptor(Requests, read, In),
    descriptor(Answers, write, Out),
    nb_setval('$tea_answers', Out),
    set_up_guard(Sandbox),
    set_up_blocks,
    forall(( sandbox_flag(Flag), current_prolog_flag(Flag, Value) ), assertz(unchanged_flag(Flag, Value))),
    answer(["ready"]),
    send,
    repeat,
        request(In, Request),
        respond(Request),
        send,
        get_ready(Request),
        Request == end_of_file,
    !,
    % The parent is gone, or about to be: the watcher ends the process, and two that end it at once would meet in the ruins.
    thread_get_message(never).

descriptor(Number, Mode, Stream) :-
    atom_concat('/dev/fd/', Number, Path),
    open(Path, Mode, Stream, [encoding(utf8), newline(posix), bom(false)]).

%   The descriptor ends when the parent ends, however that comes about.

watch(Life) :-
    descriptor(Life, read, Stream),
    thread_create(( peek_char(Stream, _), halt(3) ), _, [detached(true)]).

request(In, Request) :-
    catch(read_term(In, Request, [module(tea_worker)]), Error, Request = unreadable(Error)).

%   A text is checked before it runs, and that much sooner when what only running needs is loaded afterwards.

get_ready(check(_)) :-
    sandboxed,
    !,
    need_sandbox.
get_ready(_).

respond(end_of_file) :-
    !.
respond(check(Text)) :-
    !,
    check_block(Text, Problems),
    forall(member(Problem, Problems), answer(Problem)),
    answer(["done"]).
respond(forget) :-
    !,
    forget_blocks,
    answer(["done"]).
respond(run(Id, Text, Stack, Inferences, State)) :-
    !,
    set_prolog_flag(stack_limit, Stack),
    begin_block(State, Inferences),
    catch(run_block(Id, Text), Error, true),
    (   nonvar(Error)
    ->  answer_error(Error)
    ;   true
    ),
    end_block,
    answer(["done"]).
respond(unreadable(Error)) :-
    answer_error(Error),
    answer(["done"]).

%   Leave nothing behind: module, global variables, tables, flags, output that was not written yet.

end_block :-
    catch(flush_output(user_output), _, true),
    drop_block,
    abolish_all_tables,
    forall(( nb_current(Key, _), \+ sub_atom(Key, 0, _, _, $) ), nb_delete(Key)),
    (   flags_were_touched
    ->  forall(unchanged_flag(Flag, Value), catch(set_prolog_flag(Flag, Value), _, true))
    ;   true
    ).
