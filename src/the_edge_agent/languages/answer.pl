/*  What the worker writes: lines of JSON, and Prolog's messages as text. */

:- module(tea_answer, [answer/1, send/0, answer_return/2, answer_error/1, error_text/2, term_text/2]).

:- use_module(library(lists), [member/2]).

%   answer(+List): one line, a JSON array of texts, numbers and flat lists. It is not sent before send/0, or a full buffer.

answer(List) :-
    nb_getval('$tea_answers', Out),
    items(List, Out),
    put_char(Out, '\n').

send :-
    nb_getval('$tea_answers', Out),
    flush_output(Out).

%   answer_return(+Key, +Value): a result. The line is made before it is written: a value that has no JSON form leaves no half of it.

answer_return(Key, Value) :-
    catch(with_output_to(string(Line), pair(Key, Value)), tea_unreturnable(Why), throw(error(tea_unreturnable(Key, Value, Why), _))),
    nb_getval('$tea_answers', Out),
    write(Out, Line),
    put_char(Out, '\n').

pair(Key, Value) :-
    current_output(Out),
    (   ( atom(Key), \+ reserved(Key) ; string(Key) ; number(Key) )
    ->  true
    ;   throw(tea_unreturnable("the key is no text"))
    ),
    (   acyclic_term(Value)
    ->  true
    ;   throw(tea_unreturnable("it contains itself"))
    ),
    write(Out, '["return",'),
    quoted(Key, Out),
    put_char(Out, ','),
    value(Value, Out),
    put_char(Out, ']').

value(Value, _) :-
    var(Value),
    !,
    throw(tea_unreturnable("it is, or contains, a variable without a value")).
value(Value, Out) :-
    integer(Value),
    !,
    (   abs(Value) > 1<<64,
        msb(abs(Value)) > 14281
    ->  throw(tea_unreturnable("an integer of the state has at most 4300 digits"))
    ;   write(Out, Value)
    ).
value(Value, Out) :-
    float(Value),
    !,
    float_class(Value, Class),
    (   memberchk(Class, [infinite, nan])
    ->  throw(tea_unreturnable("JSON has no form for infinite and undefined numbers"))
    ;   write(Out, Value)
    ).
value(Value, Out) :-
    string(Value),
    !,
    text(Value, Out).
value([], Out) :-
    !,
    write(Out, []).
value([Item|Items], Out) :-
    !,
    (   is_list(Items)
    ->  items([Item|Items], Out)
    ;   throw(tea_unreturnable("a list in it has no end"))
    ).
value(Value, Out) :-
    atom(Value),
    \+ reserved(Value),
    !,
    text(Value, Out).
value(Value, Out) :-
    is_dict(Value),
    !,
    dict_pairs(Value, _, Pairs),
    put_char(Out, '{'),
    members(Pairs, '', Out),
    put_char(Out, '}').
value(Value, _) :-
    compound(Value),
    !,
    throw(tea_unreturnable("a compound term has no JSON form")).
value(Value, _) :-
    rational(Value),
    !,
    throw(tea_unreturnable("a fraction has no JSON form")).
value(_, _) :-
    throw(tea_unreturnable("it has no JSON form")).

%   Streams and the like look like atoms.

reserved(Atom) :-
    blob(Atom, Type),
    \+ memberchk(Type, [text, ucs_text]).

items(Items, Out) :-
    put_char(Out, '['),
    items(Items, '', Out),
    put_char(Out, ']').

items([], _, _).
items([Item|Items], Separator, Out) :-
    write(Out, Separator),
    value(Item, Out),
    items(Items, ',', Out).

members([], _, _).
members([Key-Value|Pairs], Separator, Out) :-
    write(Out, Separator),
    quoted(Key, Out),
    put_char(Out, ':'),
    value(Value, Out),
    members(Pairs, ',', Out).

%   The dialect has no difference between the texts null, true, false and the values.

text(null, Out) :- !, write(Out, null).
text(true, Out) :- !, write(Out, true).
text(false, Out) :- !, write(Out, false).
text(Text, Out) :-
    (   memberchk(Text, ["null", "true", "false"])
    ->  write(Out, Text)
    ;   quoted(Text, Out)
    ).

%   A line ends an answer, so the end of a line is the one control character that must not stand in it.

quoted(Number, Out) :-
    number(Number),
    !,
    format(Out, '"~w"', [Number]).
quoted(Text, Out) :-
    sub_string(Text, _, _, _, "\x0\"),
    !,
    % split_string/4 takes this character for any separator.
    string_codes(Text, Codes),
    put_char(Out, '"'),
    forall(member(Code, Codes), code(Code, Out)),
    put_char(Out, '"').
quoted(Text, Out) :-
    escaped(Text, "\\", "\\\\", Text1),
    escaped(Text1, "\"", "\\\"", Text2),
    escaped(Text2, "\n", "\\n", Text3),
    put_char(Out, '"'),
    write(Out, Text3),
    put_char(Out, '"').

code(Code, Out) :-
    (   ( Code < 32 ; memberchk(Code, [0'\\, 0'"]) )
    ->  format(Out, '\\u~|~`0t~16r~4+', [Code])
    ;   char_code(Character, Code),
        put_char(Out, Character)
    ).

escaped(Text, Character, Escape, Escaped) :-
    split_string(Text, Character, "", Parts),
    (   Parts = [_]
    ->  Escaped = Text
    ;   atomic_list_concat(Parts, Escape, Escaped)
    ).

/* Errors. */

answer_error(Error) :-
    (   error_kind(Error, Kind, Texts)
    ->  true
    ;   Kind = "error",
        error_text(Error, Text),
        Texts = [Text]
    ),
    answer(["error", Kind|Texts]).

error_kind(Error, "error", [Text]) :- var(Error), !, Text = "an error without a value".
error_kind(tea_refused(Name, Place), "refused", [Name, Place]).
error_kind(tea_unproven(Goal, Place), "unproven", [Goal, Place]).
error_kind(tea_syntax(Text), "error", [Text]).
error_kind(tea_inferences, "inferences", []).
error_kind(inference_limit_exceeded, "inferences", []).
error_kind(unwind(halt(_)), "halt", []).
error_kind(error(resource_error(What), _), "resource", [Name]) :- term_text(What, Name).
error_kind(error(tea_unreturnable(Key, Value, Why), _), "unreturnable", [KeyText, ValueText, Why]) :-
    ( string(Key) -> KeyText = Key ; format(string(KeyText), '~w', [Key]) ),
    term_text(Value, ValueText).
error_kind(error(tea_loaded(Predicate, Line, Why), _), "loaded", [Predicate, Line, Why]).
error_kind(error(existence_error(procedure, What), _), "unknown", [Name]) :-
    indicator_text(What, Name).

%   error_text(+Error, -Text): what Prolog says about it, in one string.

error_text(Error, Text) :-
    nonvar(Error),
    Error = error(Formal, _),
    nonvar(Formal),
    !,
    (   Formal = existence_error(procedure, What)
    ->  indicator_text(What, Name),
        string_concat("there is no predicate ", Name, Text)
    ;   Formal = permission_error(modify, static_procedure, What)
    ->  indicator_text(What, Name),
        format(string(Text), 'Prolog defines ~s, it cannot be changed', [Name])
    ;   catch(( '$messages':translate_message(Error, Lines, []),
                with_output_to(string(Text0), print_message_lines(current_output, '', Lines)) ), _, fail)
    ->  normalize_space(string(Text1), Text0),
        shortened(Text1, 600, Text)
    ;   term_text(Error, Text)
    ).
error_text(tea_syntax(Text), Text) :-
    !.
error_text(Error, Text) :-
    term_text(Error, Term),
    string_concat("the block threw ", Term, Text).

%   indicator_text(+What, -Text): Name/Arity of an indicator or of a goal.

indicator_text(What, Text) :-
    strip_module(What, _, Plain),
    (   nonvar(Plain), Plain = Name/Arity, atom(Name), integer(Arity)
    ->  true
    ;   callable(Plain)
    ->  functor(Plain, Name, Arity)
    ;   Name = Plain, Arity = 0
    ),
    format(string(Text), '~q', [Name/Arity]).

%   term_text(+Term, -Text): the term as it would be typed, cut where it is long.

term_text(Term, Text) :-
    with_output_to(string(Text0),
                   write_term(Term, [quoted(true), max_depth(12), numbervars(false), portray(false), attributes(ignore), cycles(true)])),
    shortened(Text0, 200, Text).

shortened(Text0, Most, Text) :-
    string_length(Text0, Length),
    (   Length =< Most
    ->  Text = Text0
    ;   sub_string(Text0, 0, Most, _, Start),
        string_concat(Start, "...", Text)
    ).
